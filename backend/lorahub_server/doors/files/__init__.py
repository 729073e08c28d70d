"""Files of repositories by their address, for people, programs and other tools."""

from fastapi import APIRouter

from lorahub_server.doors.files import door, variants

__all__ = ["router"]

router = APIRouter()
for part in (door, variants):
    router.include_router(part.router)
