"""Plans previews: of one repository, or of all of a family whose base some worker holds now."""

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from lorahub_server.insight.previews import jobs as owed
from lorahub_server.insight.previews import plans
from lorahub_server.jobs import JobContext, handler
from lorahub_server.jobs import service as jobs


@handler(owed.PLAN, queue="cpu", max_attempts=5, lease_s=60)
def run(ctx: JobContext, args: dict[str, Any]) -> Callable[[Session], None]:
    """Plan the repository `args["repo"]`."""
    with ctx.db.write() as session:
        jobs.let_owe_anew(session, ctx.job_id)
    # In a transaction of its own: it waits for whoever changes the repository, and who does may be
    # about to owe this very job.
    with ctx.db.write() as session:
        plans.plan(session, int(args["repo"]))
    return _nothing


@handler(owed.PLAN_FAMILY, queue="cpu", max_attempts=5, lease_s=60)
def run_family(ctx: JobContext, args: dict[str, Any]) -> Callable[[Session], None]:
    """Owe planning of all repositories of the family `args["family"]`."""
    after: int | None = 0
    count = 0
    while after is not None:
        with ctx.db.write() as session:
            after = owed.share_out(session, str(args["family"]), after)
        count += 1
        ctx.progress(count, note="looking through the library")
    return _nothing


def _nothing(session: Session) -> None:
    """All of it is done already."""
    del session
