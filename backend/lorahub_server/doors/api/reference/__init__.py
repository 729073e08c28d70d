"""The reference of the API: for programs as OpenAPI, for people as one page of our own."""

from lorahub_server.doors.api.reference.description import described
from lorahub_server.doors.api.reference.page import router

__all__ = ["described", "router"]
