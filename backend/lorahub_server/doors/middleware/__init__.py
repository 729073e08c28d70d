"""What every request passes through, from the outside in. Plain ASGI: it costs little."""

from fastapi import FastAPI
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from lorahub_server.config import Settings
from lorahub_server.doors.middleware.cache import AnswerCache, Answers
from lorahub_server.doors.middleware.frame import Frame
from lorahub_server.doors.middleware.head import Head
from lorahub_server.doors.middleware.limits import Limits
from lorahub_server.doors.paths import RawPaths

__all__ = ["Answers", "install"]


def install(app: FastAPI, settings: Settings, answers: Answers) -> None:
    # The one added last is the outermost.
    app.add_middleware(Head)
    app.add_middleware(RawPaths)
    # Of what this hub passes through, another one knows when it changes.
    app.add_middleware(AnswerCache, answers=answers, has_lists=not settings.upstream)
    app.add_middleware(Limits, max_file_bytes=settings.max_file_bytes)
    app.add_middleware(Frame)
    if settings.trusted_proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=settings.trusted_proxies)
