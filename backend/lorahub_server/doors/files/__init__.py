"""Files of repositories by their address, for people, programs and other tools."""

from lorahub_server.doors.files.door import router

__all__ = ["router"]
