"""Conditional and partial requests (RFC 9110): what to send of a file, if anything."""

import re
from dataclasses import dataclass

from fastapi import Request

from lorahub_server.kit.errors import HubError

# One range. A list of several is answered with the whole file, which is allowed and simpler.
_RANGE = re.compile(r"bytes\s*=\s*(\d{0,19})\s*-\s*(\d{0,19})\s*", re.ASCII | re.IGNORECASE)


class RangeNotSatisfiable(HubError):
    status = 416
    code = "range_not_satisfiable"

    def __init__(self, size: int) -> None:
        super().__init__(f"The file has {size} bytes. Ask for a range within it.", size=size)


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes from `start` to `stop` (exclusive) of a file of `size` bytes."""

    start: int
    stop: int
    size: int
    is_part: bool

    @property
    def length(self) -> int:
        return self.stop - self.start


def is_unchanged(request: Request, etag: str) -> bool:
    """Tell whether the client has these very bytes already (If-None-Match)."""
    given = request.headers.get("if-none-match")
    if given is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in given.split(",")]
    return "*" in tags or etag in tags


def wanted(request: Request, size: int, etag: str) -> Span:
    """Return what to send; raise RangeNotSatisfiable for a range beyond the file."""
    whole = Span(0, size, size, is_part=False)
    found = _RANGE.fullmatch(request.headers.get("range", "").strip())
    # The bytes changed since the client got its part: it wants all of the new ones.
    if found is None or request.headers.get("if-range", etag) != etag:
        return whole
    first, last = found[1], found[2]
    if not first and not last:
        return whole
    if not first:
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), size if not last else min(size, int(last) + 1)
        if last and int(last) < int(first):
            return whole
    if start >= stop:
        raise RangeNotSatisfiable(size)
    return Span(start, stop, size, is_part=True)
