"""Keeping reports and giving them back."""

import json
import zlib
from typing import Any

from sqlalchemy.orm import Session

from lorahub_server.insight.reports import queries
from lorahub_server.kit.errors import NotFound

_SIZE_MAX = 32 * 1024 * 1024


class ReportNotFound(NotFound):
    """The file is no adapter file, or not inspected yet."""

    code = "report_not_found"

    def __init__(self, path: str) -> None:
        super().__init__(
            f"There is no report on {path}: it is no adapter file, or its inspection is not done.",
            place=path,
        )


def put(session: Session, sha256: str, report: dict[str, Any]) -> None:
    """Keep a file's report, over an earlier one."""
    text = json.dumps(report, separators=(",", ":"), allow_nan=False).encode()
    queries.put(session, sha256, int(report["version"]), zlib.compress(text, 6))


def get(session: Session, sha256: str) -> dict[str, Any] | None:
    """Return the report; None before the inspection. The caller answers for who may ask."""
    data = queries.get(session, sha256)
    return None if data is None else read(data)


def read(data: bytes) -> dict[str, Any]:
    """Return a report from the bytes that are kept of it."""
    unpacker = zlib.decompressobj()
    found: dict[str, Any] = json.loads(unpacker.decompress(data, _SIZE_MAX))
    return found
