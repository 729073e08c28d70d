"""The hub's own REST API."""

from fastapi import APIRouter

from lorahub_server.doors.api import (
    accounts,
    commits,
    insight,
    manifest,
    preupload,
    raw,
    reference,
    refs,
    repos,
    tokens,
    trees,
    uploads,
)
from lorahub_server.doors.schemas import ERRORS

PREFIX = "/api/hub/v1"

_PARTS = (
    accounts,
    repos,
    trees,
    manifest,
    raw,
    refs,
    preupload,
    uploads,
    commits,
    insight,
    tokens,
)

router = APIRouter()
for _part in _PARTS:
    router.include_router(_part.router, prefix=PREFIX, responses=ERRORS)
router.include_router(reference.router)
