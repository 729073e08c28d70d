"""Plain ways to do what the library does, as one would write them first: to measure against."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from lorahub_server.app import create_app
from lorahub_server.config import Settings
from lorahub_server.kit.db import Database
from lorahub_server.library import words
from lorahub_server.library.tables import LibraryEntry, RepoTag
from lorahub_server.library.tables_search import FTS
from lorahub_server.repos.tables import Repository
from support.asgi import Site
from support.inside import Inside

JOIN = """
    SELECT e.repo_id, e.title, r.name, a.name FROM repo_tags t
    JOIN library_entries e ON e.repo_id = t.repo_id JOIN repositories r ON r.id = e.repo_id
    JOIN accounts a ON a.id = r.owner_id
    WHERE t.tag = :tag AND NOT r.private ORDER BY e.downloads DESC LIMIT 30
"""
BM25 = f"SELECT rowid FROM {FTS} WHERE {FTS} MATCH :wanted ORDER BY bm25({FTS}) LIMIT 30"
TS_RANK = """
    SELECT repo_id FROM library_texts WHERE document @@ CAST(:wanted AS tsquery)
    ORDER BY ts_rank(document, CAST(:wanted AS tsquery)) DESC LIMIT 30
"""


def match(wanted: str, *, is_sqlite: bool) -> str:
    quote, both = ('"', " AND ") if is_sqlite else ("'", " & ")
    return both.join(f"{quote}{word}{quote}" for word in words.of_text(wanted))


class Owner(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str


class Plain(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    title: str
    summary: str
    license: str | None
    base_model: str | None
    family: str | None
    layout: str | None
    method: str | None
    rank: int | None
    size: int
    trigger_words: list[str]
    stars: int
    downloads: int
    health: str
    name: str
    private: bool
    owner: Owner
    tags: list[str]


def route(db: Database) -> APIRouter:
    router = APIRouter()

    def opened() -> Iterator[Session]:
        with Session(db.engine) as one:
            yield one

    @router.get("/plain", response_model=list[Plain])
    def show(tag: str, session: Annotated[Session, Depends(opened)]) -> list[dict[str, Any]]:
        entries = session.scalars(
            select(LibraryEntry)
            .join(RepoTag, RepoTag.repo_id == LibraryEntry.repo_id)
            .join(Repository, Repository.id == LibraryEntry.repo_id)
            .where(RepoTag.tag == tag, Repository.private.is_(False))
            .order_by(LibraryEntry.downloads.desc())
            .limit(30)
        ).all()
        ids = [entry.repo_id for entry in entries]
        repos = {
            one.id: one for one in session.scalars(select(Repository).where(Repository.id.in_(ids)))
        }
        tags: dict[int, list[str]] = {}
        for row in session.scalars(select(RepoTag).where(RepoTag.repo_id.in_(ids))):
            tags.setdefault(row.repo_id, []).append(row.tag)
        return [
            {
                **{name: getattr(one, name) for name in Plain.model_fields if hasattr(one, name)},
                "name": repos[one.repo_id].name,
                "private": repos[one.repo_id].private,
                "owner": repos[one.repo_id].owner,
                "tags": tags.get(one.repo_id, []),
            }
            for one in entries
        ]

    return router


@contextmanager
def site(hub: Inside, folder: Path) -> Iterator[Site]:
    """The hub's doors, and beside them the plain route."""
    app = create_app(Settings(data=folder, database_url=hub.database_url, secret="x" * 32))
    app.include_router(route(hub.db))
    app.router.routes.insert(0, app.router.routes.pop())
    opened = Site(app).open()
    try:
        yield opened
    finally:
        opened.close()


def cpu_of_all(db: Database, works: list[Callable[[], object]], rounds: int = 3) -> float:
    """Return the seconds of CPU of one call: of this process, and of all of PostgreSQL's."""
    for work in works[:5]:
        work()
    taken = []
    for _ in range(rounds):
        began = _seconds(db)
        for work in works:
            work()
        taken.append((_seconds(db) - began) / len(works))
    return min(taken)


def _seconds(db: Database) -> float:
    own = time.process_time()
    if db.is_sqlite:
        return own
    with db.read() as session:
        pids = session.scalars(
            text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        ).all()
    return own + sum(_of_process(pid) for pid in pids)


def _of_process(pid: int) -> float:
    path = Path(f"/proc/{pid}/schedstat")
    return int(path.read_text().split()[0]) / 1e9 if path.exists() else 0.0
