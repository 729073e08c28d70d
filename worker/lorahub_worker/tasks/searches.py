"""Looks through saved searches for what was published lately, and tells their owners."""

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from lorahub_server.access import Tx, of_account
from lorahub_server.accounts.tables import Account
from lorahub_server.community.searches.looking import LOOK, look
from lorahub_server.config import Settings
from lorahub_server.jobs import JobContext, handler
from lorahub_server.jobs.service import let_owe_anew
from lorahub_server.kit.clock import now


@handler(LOOK, queue="cpu", max_attempts=5, lease_s=60)
def run(ctx: JobContext, args: dict[str, Any]) -> Callable[[Session], None]:
    """Look through the searches above the id `args["after"]`."""
    with ctx.db.write() as session:
        let_owe_anew(session, ctx.job_id)
    settings = Settings()
    with ctx.db.read() as session:

        def make_tx(account: Account) -> Tx:
            who = of_account(account)
            return Tx(session, who, ctx.store, settings, now(), f"job-{ctx.job_id}")

        return look(make_tx, session, args["after"])
