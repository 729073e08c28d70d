"""Drops the chunks of Xet uploads that are long over, once a day from the first one on."""

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from lorahub_server.blobs.xet.collect import collect
from lorahub_server.blobs.xet.jobs import COLLECT_XET, schedule_collect
from lorahub_server.jobs import JobContext, handler
from lorahub_server.kit.clock import now


@handler(COLLECT_XET, queue="cpu", max_attempts=5, lease_s=60)
def run(ctx: JobContext, args: dict[str, Any]) -> Callable[[Session], None]:
    del args
    collect(ctx.db, ctx.store, now(), lambda gone: ctx.progress(gone, note="clearing away"))
    return lambda session: schedule_collect(session, now())
