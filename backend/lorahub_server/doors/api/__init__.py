"""The hub's own REST API."""

from fastapi import APIRouter

from lorahub_server.doors.api import (
    accounts,
    bases,
    collections,
    commits,
    discussions,
    forks,
    gates,
    hashes,
    insight,
    manifest,
    organizations,
    playground,
    preupload,
    previews,
    raw,
    reference,
    refs,
    repos,
    searches,
    tokens,
    trees,
    uploads,
    variants,
    webhooks,
)
from lorahub_server.doors.schemas import ERRORS

PREFIX = "/api/hub/v1"

_PARTS = (
    accounts,
    organizations,
    collections,
    repos,
    searches,
    forks,
    trees,
    manifest,
    raw,
    refs,
    preupload,
    uploads,
    commits,
    discussions,
    insight,
    hashes,
    variants,
    previews,
    playground,
    bases,
    tokens,
    webhooks,
    gates,
)

router = APIRouter()
for _part in _PARTS:
    router.include_router(_part.router, prefix=PREFIX, responses=ERRORS)
router.include_router(reference.router)
