"""Makes the small copies of a picture in the store."""

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from lorahub_server.insight.previews import jobs as owed
from lorahub_server.insight.previews import uploads
from lorahub_server.insight.previews.limits import PICTURE_MAX
from lorahub_server.jobs import JobContext, JobFailed, handler
from lorahub_server.storage import ObjectMissing
from lorahub_server.storage.keys import picture_key
from lorahub_worker import keeping, pictures


@handler(owed.SMALL, queue="cpu", max_attempts=3, lease_s=60, max_run_s=300)
def run(ctx: JobContext, args: dict[str, Any]) -> Callable[[Session], None]:
    """Of the picture `args["sha256"]`; one that was cleared away meanwhile is no failure."""
    sha256 = str(args["sha256"])
    key = picture_key(sha256)
    try:
        size = ctx.store.size(key)
        if size is None or size > PICTURE_MAX:
            return _nothing
        data = ctx.store.read(key)
    except ObjectMissing:
        return _nothing
    try:
        copies = pictures.decode(data).copies
    except pictures.UnreadablePicture as error:
        raise JobFailed("bad_picture", str(error)) from error
    sizes = keeping.put_copies(ctx, sha256, copies)
    return lambda session: uploads.record_copies(session, sha256, sizes)


def _nothing(session: Session) -> None:
    """There is nobody left to tell."""
    del session
