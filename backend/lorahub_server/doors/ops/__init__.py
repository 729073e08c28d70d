"""For those who run the hub: is it well?"""

from lorahub_server.doors.ops.health import router

__all__ = ["router"]
