"""Clears away bytes that nobody needs, once a day from the first upload on."""

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from lorahub_server.blobs.collect import collect
from lorahub_server.blobs.jobs import COLLECT, schedule_collect
from lorahub_server.insight.playground import service as playground
from lorahub_server.insight.previews import collect as previews
from lorahub_server.insight.variants import service as variants
from lorahub_server.jobs import JobContext, handler
from lorahub_server.kit.clock import now


@handler(COLLECT, queue="cpu", max_attempts=5, lease_s=60)
def run(ctx: JobContext, args: dict[str, Any]) -> Callable[[Session], None]:
    del args

    def report(gone: int) -> None:
        ctx.progress(gone, note="clearing away")

    collect(ctx.db, ctx.store, now(), report)
    variants.collect(ctx.db, ctx.store, now(), report)
    with ctx.db.write() as session:
        playground.collect(session)
    previews.collect(ctx.db, ctx.store, now(), report)
    return lambda session: schedule_collect(session, now())
