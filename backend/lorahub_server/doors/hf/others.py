"""Addresses that clients ask in passing, and those of what this hub does not keep."""

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from lorahub_server.access.errors import RepoNotFound
from lorahub_server.doors.deps import ReadTx
from lorahub_server.library import search

router = APIRouter()

_KINDS = "datasets", "spaces", "kernels"
_TAGS = 100


@router.get("/api/telemetry/{topic:path}")
def telemetry(topic: str) -> Response:
    """Clients tell what they are used for; nothing of it is kept."""
    del topic
    return Response(status_code=204)


@router.get("/api/agent-harnesses")
def harnesses() -> JSONResponse:
    return JSONResponse({"standardEnvVars": [], "harnesses": {}})


@router.get("/api/models-tags-by-type")
def tags(tx: ReadTx) -> JSONResponse:
    found = search.popular_tags(tx, _TAGS)
    items = [{"id": tag.value, "label": tag.value, "type": "other"} for tag in found]
    return JSONResponse({"other": items})


@router.get("/api/datasets")
@router.get("/api/spaces")
@router.get("/api/kernels")
def list_nothing() -> JSONResponse:
    return JSONResponse([])


def no_such_repo(tx: ReadTx) -> Response:
    """Names without an owner, and repositories of kinds that are not kept here."""
    del tx
    raise RepoNotFound


_NOWHERE = [
    "/api/models/{name}",
    "/api/models/{name}/revision/{rest:path}",
    "/api/models/{name}/tree/{rest:path}",
    "/api/models/{name}/commits/{rest:path}",
    "/{name}/resolve/{rest:path}",
]
for _kind in _KINDS:
    _NOWHERE += [
        f"/api/{_kind}/{{rest:path}}",
        f"/{_kind}/{{owner}}/{{name}}/resolve/{{rest:path}}",
    ]
for _address in _NOWHERE:
    router.add_api_route(_address, no_such_repo, methods=["GET"])
for _kind in _KINDS:
    _address = f"/api/{_kind}/{{owner}}/{{name}}/paths-info/{{rest:path}}"
    router.add_api_route(_address, no_such_repo, methods=["POST"])
