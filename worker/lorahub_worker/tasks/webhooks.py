"""Sends what happens to watched repositories to where people want to hear of it."""

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from lorahub_server.community.webhooks.delivery import deliver
from lorahub_server.community.webhooks.outbox import DELIVER, SHARE_OUT, share_out
from lorahub_server.config import Settings
from lorahub_server.jobs import JobContext, handler
from lorahub_server.kit.clock import now


@handler(SHARE_OUT, queue="cpu", max_attempts=5, lease_s=60)
def run_share_out(ctx: JobContext, args: dict[str, Any]) -> Callable[[Session], None]:
    del ctx
    return share_out(args["event"], args["after"], now())


@handler(DELIVER, queue="cpu", max_attempts=5, lease_s=60, max_run_s=300)
def run_deliver(ctx: JobContext, args: dict[str, Any]) -> Callable[[Session], None]:
    return deliver(ctx.db, Settings(), args["delivery"])
