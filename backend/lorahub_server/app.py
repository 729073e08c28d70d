"""The web application: the doors in one house. Wiring alone; no rules."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from lorahub import __version__
from lorahub_server.community.searches.looking import WATCH
from lorahub_server.community.webhooks.outbox import OUTBOX
from lorahub_server.config import Settings
from lorahub_server.doors import api, errors, files, git, hf, middleware, ops, web
from lorahub_server.doors.api.reference import described
from lorahub_server.doors.deps import Hub
from lorahub_server.doors.middleware import Answers
from lorahub_server.doors.touches import Touches
from lorahub_server.doors.upstream.asking import Upstream
from lorahub_server.kit.db import POOL, Database
from lorahub_server.kit.generation import Generation
from lorahub_server.library.downloads import Flusher
from lorahub_server.repos import events
from lorahub_server.storage import open_store

# Threads for the framework's own work, such as reading a form's file.
_SPARE_THREADS = 8


def create_app(settings: Settings) -> FastAPI:
    """Build the application. Its database and store are at `app.state.hub`."""
    app = _Application(
        title="LoRAHub",
        version=__version__,
        openapi_url="/api/hub/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
    )
    db = Database(settings.database_url)
    app.state.hub = Hub(
        db=db,
        store=open_store(settings.store_url),
        settings=settings,
        generation=Generation(db),
        touches=Touches(db),
        upstream=Upstream(settings.upstream) if settings.upstream else None,
    )
    events.listen(OUTBOX)
    events.listen(WATCH)
    errors.install(app)
    answers = Answers(app.state.hub.generation)
    middleware.install(app, settings, answers)
    # Behind a proxy the address that was asked for is only known further inside.
    app.answers = None if settings.trusted_proxies else answers
    app.include_router(ops.router)
    app.include_router(api.router)
    app.include_router(files.router)
    app.include_router(hf.router, include_in_schema=False)
    app.include_router(git.router, include_in_schema=False)
    app.include_router(web.router, include_in_schema=False)
    return app


class _Application(FastAPI):
    """Gives kept answers before anything else, the framework's own work included."""

    answers: Answers | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answers = self.answers if scope["type"] == "http" else None
        if answers is None or not await answers.serve(scope, send):
            await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        if not self.openapi_schema:
            self.openapi_schema = described(super().openapi())
        return self.openapi_schema


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    hub: Hub = app.state.hub
    anyio.to_thread.current_default_thread_limiter().total_tokens = POOL + _SPARE_THREADS
    flusher = Flusher(hub.db).start()
    yield
    await anyio.to_thread.run_sync(flusher.close)
    await anyio.to_thread.run_sync(hub.touches.close)
    if hub.upstream is not None:
        hub.upstream.close()
    hub.generation.close()
    hub.db.engine.dispose()
