"""Files of repositories by their address, for people, programs and other tools."""

from fastapi import APIRouter

from lorahub_server.doors.files import door, pictures, variants

__all__ = ["router"]

router = APIRouter()
for part in (door, pictures, variants):
    router.include_router(part.router)
