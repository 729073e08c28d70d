"""Compares an adapter file with all others by its sketch."""

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from lorahub_server.insight.likeness import comparing
from lorahub_server.insight.likeness import service as likeness
from lorahub_server.jobs import JobContext, handler
from lorahub_server.kit.clock import now


@handler(likeness.KIND, queue="cpu", max_attempts=3, lease_s=60)
def run(ctx: JobContext, args: dict[str, Any]) -> Callable[[Session], None]:
    """Compare the blob `args["sha256"]`."""
    sha256 = args["sha256"]
    with ctx.db.read() as session:
        rows = comparing.compare_all(session, sha256, now())
    return lambda session: likeness.put(session, sha256, rows)
