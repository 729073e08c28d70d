"""The pictures of previews: shown to whoever may read the repository, like its card."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from lorahub_server.access import Tx
from lorahub_server.doors.deps import ReadTx
from lorahub_server.doors.files.answer import POLICY, stored_answer
from lorahub_server.doors.files.ranges import is_unchanged, wanted
from lorahub_server.doors.schemas import BYTES, ERRORS
from lorahub_server.insight.previews import file_covers
from lorahub_server.insight.previews import service as previews
from lorahub_server.insight.previews.errors import PictureNotFound, PreviewNotFound
from lorahub_server.insight.previews.model import PictureFacts, Shown
from lorahub_server.repos import service
from lorahub_server.repos.tables import Repository
from lorahub_server.storage.keys import SMALL, copy_key, picture_key
from lorahub_server.storage.sigv4 import content_disposition

router = APIRouter(tags=["previews"], responses=ERRORS)

_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "public, no-cache"
_NEVER_KEPT = "private, no-store"
_SMALL = "image/webp"
_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
Width = Annotated[
    int,
    Query(ge=1, le=10_000, description="In pixels: the copy of 240, 480 or 960 nearest above."),
]
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
def small(
    request: Request, tx: ReadTx, owner: str, name: str, preview: str, width: Width = SMALL
) -> Response:
    """WebP; the whole picture until the copies are made.

    It is never wider than the picture itself.

        curl -OJ "http://127.0.0.1:8000/alice/my-style/previews/7/small?width=960"
    """
    repo, shown = _open(tx, owner, name, preview)
    return _answer(request, tx, repo, str(shown.id), shown.picture, width)


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
def base_small(
    request: Request, tx: ReadTx, owner: str, name: str, preview: str, width: Width = SMALL
) -> Response:
    """WebP; the whole picture until the copies are made."""
    repo, shown = _open(tx, owner, name, preview)
    return _answer(request, tx, repo, f"{shown.id}-base", shown.base_picture, width)


@router.get(
    "/{owner}/{name}/cover/{picture}",
    summary="Download a small copy of a repository's cover",
    response_class=Response,
    responses=BYTES,
)
def cover(
    request: Request, tx: ReadTx, owner: str, name: str, picture: str, width: Width = SMALL
) -> Response:
    """WebP, of the picture among the files that stands for the repository in lists.

    `picture` is that file's SHA-256. Whoever may download the file may have the copy.

        curl -OJ "http://127.0.0.1:8000/alice/my-style/cover/$SHA256?width=240"
    """
    repo = service.get_repo(tx, owner, name)
    found = file_covers.of_repo(tx, repo, picture)
    is_public = not repo.private and not repo.gated
    return picture_answer(request, tx, found, f"{repo.name}-cover", width, is_public=is_public)


def picture_answer(
    request: Request,
    tx: Tx,
    found: PictureFacts | None,
    file: str,
    width: int | None = None,
    *,
    is_public: bool,
) -> Response:
    """Return a picture, or its copy of some width, to one who was found to be allowed it.

    `file`: the name to save it under, without its ending.
    """
    if found is None:
        raise PictureNotFound
    copy = None if width is None else found.nearest(width)
    key = picture_key(found.sha256) if copy is None else copy_key(found.sha256, copy)
    media_type = found.media_type if copy is None else _SMALL
    size = found.size if copy is None else found.copies[copy]
    saved = f"{file}.{_ENDINGS.get(media_type, 'png')}"
    etag = f'"{found.sha256}{"" if copy is None else f"-{copy}"}"'
    # What stands in for a copy that is not made yet is not for ever.
    is_final = width is None or found.has_all_copies
    kept = _FOR_EVER if is_final else _ASK_AGAIN
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
    width: int | None = None,
) -> Response:
    file, is_public = f"{repo.name}-{number}", not repo.private
    return picture_answer(request, tx, found, file, width, is_public=is_public)
