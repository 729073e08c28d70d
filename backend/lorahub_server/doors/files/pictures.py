"""The pictures of previews: shown to whoever may read the repository, like its card."""

from fastapi import APIRouter, Request, Response

from lorahub_server.access import Tx
from lorahub_server.doors.deps import ReadTx
from lorahub_server.doors.files.answer import POLICY, stored_answer
from lorahub_server.doors.files.ranges import is_unchanged, wanted
from lorahub_server.doors.schemas import BYTES, ERRORS
from lorahub_server.insight.previews import service as previews
from lorahub_server.insight.previews.errors import PictureNotFound, PreviewNotFound
from lorahub_server.insight.previews.model import PictureFacts, Shown
from lorahub_server.repos import service
from lorahub_server.repos.tables import Repository
from lorahub_server.storage.keys import picture_key, small_key
from lorahub_server.storage.sigv4 import content_disposition

router = APIRouter(tags=["previews"], responses=ERRORS)

_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "public, no-cache"
_NEVER_KEPT = "private, no-store"
_SMALL = "image/webp"
_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
# No database takes a larger number.
_ID_DIGITS = 18


@router.get(
    "/{owner}/{name}/previews/{preview}.png",
    summary="Download the picture of a preview",
    response_class=Response,
    responses=BYTES,
)
def picture(request: Request, tx: ReadTx, owner: str, name: str, preview: str) -> Response:
    """The whole file as it was rendered or uploaded, with what is written in it.

    An uploaded one may be a JPEG or WebP, whatever the address ends in: see `Content-Type`.

        curl -OJ http://127.0.0.1:8000/alice/my-style/previews/7.png
    """
    repo, shown = _open(tx, owner, name, preview)
    return _answer(request, tx, repo, str(shown.id), shown.picture)


@router.get(
    "/{owner}/{name}/previews/{preview}/small",
    summary="Download the small copy of a preview's picture",
    response_class=Response,
    responses=BYTES,
)
def small(request: Request, tx: ReadTx, owner: str, name: str, preview: str) -> Response:
    """WebP, at most 480 pixels a side; the whole picture until the copy is made."""
    repo, shown = _open(tx, owner, name, preview)
    return _answer(request, tx, repo, str(shown.id), shown.picture, is_small=True)


@router.get(
    "/{owner}/{name}/previews/{preview}/base.png",
    summary="Download the base's picture beside a preview",
    response_class=Response,
    responses=BYTES,
)
def base_picture(request: Request, tx: ReadTx, owner: str, name: str, preview: str) -> Response:
    """The same prompt and seed with the base model alone."""
    repo, shown = _open(tx, owner, name, preview)
    return _answer(request, tx, repo, f"{shown.id}-base", shown.base_picture)


@router.get(
    "/{owner}/{name}/previews/{preview}/base/small",
    summary="Download the small copy of the base's picture",
    response_class=Response,
    responses=BYTES,
)
def base_small(request: Request, tx: ReadTx, owner: str, name: str, preview: str) -> Response:
    """WebP, at most 480 pixels a side; the whole picture until the copy is made."""
    repo, shown = _open(tx, owner, name, preview)
    return _answer(request, tx, repo, f"{shown.id}-base", shown.base_picture, is_small=True)


def picture_answer(
    request: Request,
    tx: Tx,
    found: PictureFacts | None,
    file: str,
    *,
    is_public: bool,
    is_small: bool = False,
) -> Response:
    """Return a picture, or its small copy, to one who was found to be allowed it.

    `file`: the name to save it under, without its ending.
    """
    if found is None:
        raise PictureNotFound
    is_copy = is_small and found.has_small
    key = small_key(found.sha256) if is_copy else picture_key(found.sha256)
    media_type = _SMALL if is_copy else found.media_type
    size = found.small_size or 0 if is_copy else found.size
    saved = f"{file}.{_ENDINGS.get(media_type, 'png')}"
    etag = f'"{found.sha256}{"-small" if is_copy else ""}"'
    # What stands in for a copy that is not made yet is not for ever.
    kept = _FOR_EVER if is_copy == is_small else _ASK_AGAIN
    told = {"ETag": etag, "Cache-Control": kept if is_public else _NEVER_KEPT}
    if is_unchanged(request, etag):
        return Response(status_code=304, headers=told)
    headers = {
        **told,
        "Content-Type": media_type,
        "Content-Disposition": content_disposition(saved).replace("attachment", "inline", 1),
        "Accept-Ranges": "bytes",
        "Content-Security-Policy": POLICY,
    }
    return stored_answer(request, tx, key, saved, wanted(request, size, etag), headers, shown=True)


def _open(tx: Tx, owner: str, name: str, preview: str) -> tuple[Repository, Shown]:
    repo = service.get_repo(tx, owner, name)
    if not (preview.isascii() and preview.isdigit() and len(preview) <= _ID_DIGITS):
        raise PreviewNotFound
    return repo, previews.of_id(tx, repo, int(preview))


def _answer(
    request: Request,
    tx: Tx,
    repo: Repository,
    number: str,
    found: PictureFacts | None,
    *,
    is_small: bool = False,
) -> Response:
    file, is_public = f"{repo.name}-{number}", not repo.private
    return picture_answer(request, tx, found, file, is_public=is_public, is_small=is_small)
