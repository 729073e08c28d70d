"""The protocol of Hugging Face's clients."""

from fastapi import APIRouter

from lorahub_server.doors.hf import (
    account,
    cards,
    commit,
    history,
    info,
    lfs,
    likes,
    listing,
    others,
    preupload,
    repos,
    transfers,
    trees,
    xet,
)

router = APIRouter(include_in_schema=False)
# What takes any name comes last.
for _part in (
    account,
    repos,
    listing,
    info,
    trees,
    history,
    preupload,
    commit,
    lfs,
    transfers,
    cards,
    likes,
    xet,
    others,
):
    router.include_router(_part.router)
