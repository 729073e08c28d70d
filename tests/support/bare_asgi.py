"""The least that uvicorn can serve: one body, whatever is asked. `BARE_BODY` is its file."""

import os
from pathlib import Path
from typing import Any

_BODY = Path(os.environ["BARE_BODY"]).read_bytes()
_HEADERS = [
    (b"content-type", b"application/json"),
    (b"content-length", str(len(_BODY)).encode()),
]


async def app(scope: dict[str, Any], receive: object, send: Any) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": _BODY})
