"""The protocol of Hugging Face's clients."""

from fastapi import APIRouter

from lorahub_server.doors.hf import (
    account,
    cards,
    collections,
    commit,
    discussions,
    duplicate,
    gates,
    history,
    info,
    lfs,
    likes,
    listing,
    oauth,
    orgs,
    others,
    preupload,
    repos,
    transfers,
    trees,
    webhooks,
    xet,
)

router = APIRouter(include_in_schema=False)
# What takes any name comes last.
for _part in (
    account,
    orgs,
    collections,
    oauth,
    repos,
    duplicate,
    listing,
    info,
    trees,
    history,
    preupload,
    commit,
    discussions,
    lfs,
    transfers,
    cards,
    likes,
    gates,
    webhooks,
    xet,
    others,
):
    router.include_router(_part.router)
