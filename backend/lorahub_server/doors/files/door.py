from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from lorahub_server.doors.deps import ReadTx
from lorahub_server.doors.files.answer import named_file
from lorahub_server.doors.schemas import BYTES, ERRORS

router = APIRouter(tags=["files and history"], responses=ERRORS)


@router.get(
    "/{owner}/{name}/resolve/{revision}/{path:path}",
    summary="Download a file",
    response_class=Response,
    responses=BYTES,
)
def resolve_file(
    request: Request,
    tx: ReadTx,
    owner: str,
    name: str,
    revision: str,
    path: str,
    download: Annotated[bool, Query(description="Save it instead of showing it")] = False,
) -> Response:
    """The address for links and tools. The API's `raw` answers the same.

    `X-Content-SHA256` has the SHA-256 of the whole file, `X-Repo-Commit` the commit. `ETag` is
    git's id of a small file, and the SHA-256 of a large one.

        curl -LO http://127.0.0.1:8000/alice/my-style/resolve/main/my-style.safetensors
        curl -L -C - -O http://127.0.0.1:8000/alice/my-style/resolve/main/my-style.safetensors
    """
    return named_file(request, tx, owner, name, revision, path, download=download)
