"""The pages: rendered on the server, complete without scripts."""

from fastapi import APIRouter

from lorahub_server.doors.web import (
    account_settings,
    adapter,
    assets,
    edit_card,
    files,
    library,
    pictures,
    profile,
    publish,
    repo_settings,
    signin,
    tokens,
    upload,
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
    upload,
    publish,
    repo_settings,
    edit_card,
    files,
    adapter,
    profile,
):
    router.include_router(part.router)
