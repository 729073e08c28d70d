"""The pages: rendered on the server, complete without scripts."""

from fastapi import APIRouter

from lorahub_server.doors.web import (
    access,
    account_settings,
    adapter,
    assets,
    collections,
    device,
    discussions,
    edit_card,
    files,
    fork,
    health,
    library,
    organizations,
    people,
    pictures,
    profile,
    publish,
    repo_settings,
    signin,
    tokens,
    upload,
    versions,
    webhooks,
)

router = APIRouter(include_in_schema=False)
# Pages with addresses of their own come before those that begin with anybody's name.
for part in (
    assets,
    pictures,
    library,
    signin,
    account_settings,
    tokens,
    webhooks,
    device,
    organizations,
    collections,
    upload,
    publish,
    people,
    repo_settings,
    access,
    edit_card,
    discussions,
    fork,
    health,
    versions,
    files,
    adapter,
    profile,
):
    router.include_router(part.router)
