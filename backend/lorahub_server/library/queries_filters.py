"""The conditions that a query puts on repositories, in SQL."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, union, union_all
from sqlalchemy.orm import Session

from lorahub_server.accounts.tables import Account
from lorahub_server.community.tables import Star
from lorahub_server.insight.previews.tables import Picture, Preview, Render
from lorahub_server.insight.tables import FileHash
from lorahub_server.library import keys
from lorahub_server.library.keys import Key
from lorahub_server.library.measures import ANY, Measures
from lorahub_server.library.tables import AdapterFile, EvaluationResult, LibraryEntry, RepoTerm
from lorahub_server.repos.tables import Repository

HASH = re.compile(r"[0-9a-f]{8,64}")
# What is not more than this is read as a whole and sorted, which costs no more than a long walk.
SET_MAX = 5000
# Guesses, for what has narrow bounds: repositories of an account, stars, forks.
_OWNED, _STARRED, _FORKED = 300, 300, 50


@dataclass(frozen=True, slots=True)
class Filter:
    """A query in the database's terms: names in lower case, words as library.words has them.

    `permits` has the bits of library.permissions.
    """

    words: tuple[str, ...] = ()
    owner: str | None = None
    tags: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    family: str | None = None
    layout: str | None = None
    method: str | None = None
    base_model: str | None = None
    task: str | None = None
    license: str | None = None
    permits: int = 0
    has: tuple[str, ...] = ()
    file_hash: str | None = None
    without_tags: tuple[str, ...] = ()
    without_owners: tuple[str, ...] = ()
    without_families: tuple[str, ...] = ()
    starred_by: int | None = None
    forked_from: int | None = None
    private: bool | None = None
    gated: bool | None = None
    with_adapters: bool = False
    max_maturity: int | None = None
    updated_after: datetime | None = None
    published_after: datetime | None = None
    measures: Measures = ANY
    # What is looked for can't be there.
    is_nothing: bool = False


def keys_of(wanted: Filter) -> list[Key]:
    """Return the keys that all of what is found is listed under."""
    named = {
        "family": wanted.family,
        "layout": wanted.layout,
        "method": wanted.method,
        "base": wanted.base_model,
        "task": wanted.task,
        "license": wanted.license,
    }
    found = [(keys.TAG, tag) for tag in wanted.tags]
    return found + [(kind, value) for kind, value in named.items() if value is not None]


def keys_without(wanted: Filter) -> list[Key]:
    return [(keys.TAG, tag) for tag in wanted.without_tags] + [
        ("family", family) for family in wanted.without_families
    ]


def sets_of(session: Session, wanted: Filter) -> list[tuple[int, Any]]:
    """Return selects of ids, with about how many there are, of what is not listed under keys."""
    found: list[tuple[int, Any]] = []
    if wanted.owner is not None:
        owned = select(Repository.id).join(Account, Account.id == Repository.owner_id)
        found.append((_OWNED, owned.where(Account.name_lower == wanted.owner)))
    if wanted.starred_by is not None:
        found.append((_STARRED, select(Star.repo_id).where(Star.account_id == wanted.starred_by)))
    if wanted.forked_from is not None:
        forks = select(Repository.id).where(Repository.forked_from_id == wanted.forked_from)
        found.append((_FORKED, forks))
    if wanted.file_hash is not None:
        found.append((0, _with_hash(wanted.file_hash)))
    for term in wanted.terms:
        ids = select(RepoTerm.repo_id).where(RepoTerm.term == term)
        found.append((_number(session, ids), ids))
    for name in wanted.has:
        # Few have it, or it is asked of each on the way.
        if name in _HOLDERS:
            having = union_all(*_HOLDERS[name]())
            number = _number(session, having)
            found += [(number, having)] if number <= SET_MAX else []
    return found


def _number(session: Session, ids: Any) -> int:
    some = ids.limit(SET_MAX + 1).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def has_hash(session: Session, value: str) -> bool:
    """Tell whether there is a file that any tool knows by this hash."""
    return HASH.fullmatch(value) is not None and session.scalar(_with_hash(value)) is not None


def conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    """Return what must hold of an entry with its repository and the owner's account: all that is
    answered by neither keys nor sets nor words.
    """
    found: list[ColumnElement[bool]] = []
    if wanted.private is not None:
        found.append(Repository.private.is_(wanted.private))
    if wanted.gated is not None:
        found.append(Repository.gated.is_not(None) if wanted.gated else Repository.gated.is_(None))
    if wanted.with_adapters:
        found.append(LibraryEntry.adapters > 0)
    if wanted.without_owners:
        found.append(Account.name_lower.not_in(wanted.without_owners))
    found += [HAVING[one]() for one in wanted.has]
    return found + _bounded(wanted) + _measured(wanted.measures)


def _bounded(wanted: Filter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.permits:
        found.append(LibraryEntry.permits.bitwise_and(wanted.permits) == wanted.permits)
    if wanted.max_maturity is not None:
        found.append(LibraryEntry.maturity <= wanted.max_maturity)
    if wanted.updated_after is not None:
        found.append(LibraryEntry.updated_at >= wanted.updated_after)
    if wanted.published_after is not None:
        found.append(LibraryEntry.published_at >= wanted.published_after)
    return found


def _measured(wanted: Measures) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.rank_from is not None:
        found.append(LibraryEntry.rank >= wanted.rank_from)
    if wanted.rank_to is not None:
        found.append(LibraryEntry.rank <= wanted.rank_to)
    if wanted.size_from is not None or wanted.size_to is not None:
        found.append(LibraryEntry.adapters > 0)
    if wanted.size_from is not None:
        found.append(LibraryEntry.size >= wanted.size_from)
    if wanted.size_to is not None:
        found.append(LibraryEntry.size <= wanted.size_to)
    if wanted.has_trigger is not None:
        words = func.json_array_length(LibraryEntry.trigger_words)
        found.append(words > 0 if wanted.has_trigger else words == 0)
    if wanted.healthy is not None:
        is_sound = LibraryEntry.health == "ok"
        found.append(is_sound if wanted.healthy else ~is_sound)
    return found


def _with_prompts() -> tuple[Any, ...]:
    """Return what has a picture or text that tells what it was made from."""
    rendered = (
        select(Preview.repo_id)
        .join(Render, Render.id == Preview.render_id)
        .where(Render.state == "done")
    )
    uploaded = (
        select(Preview.repo_id)
        .join(Picture, Picture.sha256 == Preview.picture)
        .where(Picture.parameters.is_not(None))
    )
    return rendered, uploaded


def _with_results() -> tuple[Any, ...]:
    return (select(EvaluationResult.repo_id),)


# Selects of the ids of what has rows of its own, by name. Some may come twice, which is no matter.
_HOLDERS: dict[str, Callable[[], tuple[Any, ...]]] = {
    "prompts": _with_prompts,
    "results": _with_results,
}


def _has_rows(name: str) -> ColumnElement[bool]:
    """Return the condition that an entry's repository is among them, asked of it alone."""
    entry = LibraryEntry.repo_id
    ways = [one.where(one.selected_columns[0] == entry) for one in _HOLDERS[name]()]
    return or_(*(one.correlate(LibraryEntry).exists() for one in ways))


def _has_pictures() -> ColumnElement[bool]:
    """Return whether a picture stands for it, which is one that everybody may see."""
    return or_(LibraryEntry.cover.is_not(None), LibraryEntry.cover_preview.is_not(None))


HAVING: dict[str, Callable[[], ColumnElement[bool]]] = {
    "pictures": _has_pictures,
    "prompts": partial(_has_rows, "prompts"),
    "results": partial(_has_rows, "results"),
}


def _with_hash(value: str) -> Any:
    named = (
        select(AdapterFile.repo_id)
        .join(FileHash, FileHash.sha256 == AdapterFile.sha256)
        .where(FileHash.value == value)
    )
    return union(named, select(AdapterFile.repo_id).where(AdapterFile.sha256 == value))
