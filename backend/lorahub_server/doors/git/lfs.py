"""What only git-lfs asks for: locks, which this hub does not have."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from lorahub_server.doors.hf.errors import LFS_TYPE

router = APIRouter(prefix="/{owner}/{name}/info/lfs")

_NO_LOCKS = "This hub has no file locks. Push without them; nothing is lost."


@router.api_route("/locks", methods=["GET", "POST"])
@router.post("/locks/{which:path}")
def locks(owner: str, name: str, which: str = "") -> JSONResponse:
    """With this status git-lfs goes on, and does not ask again."""
    del owner, name, which
    return JSONResponse({"message": _NO_LOCKS}, 404, media_type=LFS_TYPE)
