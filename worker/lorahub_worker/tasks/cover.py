"""Makes the small copies of the file that stands for a repository in lists."""

import hashlib
from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from lorahub_server.insight.previews import file_covers, rendering, uploads
from lorahub_server.insight.previews import jobs as owed
from lorahub_server.insight.previews.model import PictureFacts
from lorahub_server.jobs import JobContext, handler
from lorahub_server.jobs import service as jobs
from lorahub_server.kit.clock import now
from lorahub_server.storage import ObjectMissing
from lorahub_server.storage.keys import blob_key
from lorahub_worker import keeping, pictures


@handler(owed.COVER, queue="cpu", max_attempts=3, lease_s=60, max_run_s=300)
def run(ctx: JobContext, args: dict[str, Any]) -> Callable[[Session], None]:
    """Of the repository `args["repo"]`. A file that is no picture after all is no failure:
    nobody promised one, and lists show another cover.
    """
    repo_id = int(args["repo"])
    with ctx.db.write() as session:
        jobs.let_owe_anew(session, ctx.job_id)
    with ctx.db.read() as session:
        found = file_covers.wanted(session, repo_id)
    data = None if found is None else _bytes(ctx, found)
    if found is None or data is None:
        return _nothing
    try:
        made = pictures.decode(data)
    except pictures.UnreadablePicture:
        return _nothing
    sha256, oid = hashlib.sha256(data).hexdigest(), found.oid
    facts = PictureFacts(sha256, made.media_type, len(data), made.width, made.height)
    with ctx.db.write() as session:
        rendering.begin_picture(session, facts, now())
    sizes = keeping.put_copies(ctx, sha256, made.copies)

    def record(session: Session) -> None:
        uploads.record_copies(session, sha256, sizes)
        file_covers.record(session, repo_id, oid, sha256)

    return record


def _bytes(ctx: JobContext, found: file_covers.CoverFile) -> bytes | None:
    if found.content is not None or found.sha256 is None:
        return found.content
    try:
        return ctx.store.read(blob_key(found.sha256))
    except ObjectMissing:
        return None


def _nothing(session: Session) -> None:
    """There is nothing to show."""
    del session
