"""The conditions that a query puts on repositories, in SQL."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, func, or_, select

from lorahub_server.accounts.tables import Account
from lorahub_server.community.tables import Star
from lorahub_server.insight.tables import FileHash
from lorahub_server.library.measures import ANY, Measures
from lorahub_server.library.tables import AdapterFile, LibraryEntry, RepoTag, RepoTerm
from lorahub_server.repos.tables import Repository

HASH = re.compile(r"[0-9a-f]{8,64}")


@dataclass(frozen=True, slots=True)
class Filter:
    """A query in the database's terms: names in lower case, words folded.

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


def conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    """Return what must hold of an entry with its repository and the owner's account."""
    found = [_has_word(word) for word in wanted.words]
    found += _named(wanted)
    found += [_has(RepoTag, RepoTag.tag == tag) for tag in wanted.tags]
    found += [_has(RepoTerm, RepoTerm.term == term) for term in wanted.terms]
    if wanted.starred_by is not None:
        found.append(_has(Star, Star.account_id == wanted.starred_by))
    if wanted.forked_from is not None:
        found.append(Repository.forked_from_id == wanted.forked_from)
    if wanted.private is not None:
        found.append(Repository.private.is_(wanted.private))
    if wanted.gated is not None:
        found.append(Repository.gated.is_not(None) if wanted.gated else Repository.gated.is_(None))
    if wanted.with_adapters:
        found.append(LibraryEntry.adapters > 0)
    if wanted.file_hash is not None:
        found.append(_has_hash(wanted.file_hash))
    return found + _left_out(wanted) + _bounded(wanted) + _measured(wanted.measures)


def _named(wanted: Filter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.owner is not None:
        found.append(Account.name_lower == wanted.owner)
    for column, value in (
        (LibraryEntry.family, wanted.family),
        (LibraryEntry.layout, wanted.layout),
        (LibraryEntry.method, wanted.method),
        (LibraryEntry.base_key, wanted.base_model),
        (LibraryEntry.task, wanted.task),
        (LibraryEntry.license, wanted.license),
    ):
        if value is not None:
            found.append(column == value)
    return found


def _left_out(wanted: Filter) -> list[ColumnElement[bool]]:
    found = [~_has(RepoTag, RepoTag.tag == tag) for tag in wanted.without_tags]
    if wanted.without_owners:
        found.append(Account.name_lower.not_in(wanted.without_owners))
    if wanted.without_families:
        # What has none is not of any of them.
        is_other = LibraryEntry.family.not_in(wanted.without_families)
        found.append(or_(LibraryEntry.family.is_(None), is_other))
    return found


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


def _has_word(word: str) -> ColumnElement[bool]:
    found = [
        LibraryEntry.search_text.contains(word, autoescape=True),
        Repository.name_lower.contains(word, autoescape=True),
        Account.name_lower.contains(word, autoescape=True),
    ]
    if HASH.fullmatch(word):
        found.append(_has_hash(word))
    return or_(*found)


def _has_hash(value: str) -> ColumnElement[bool]:
    named = (
        select(AdapterFile.repo_id)
        .join(FileHash, FileHash.sha256 == AdapterFile.sha256)
        .where(FileHash.value == value)
    )
    same = select(AdapterFile.repo_id).where(AdapterFile.sha256 == value)
    return or_(LibraryEntry.repo_id.in_(named), LibraryEntry.repo_id.in_(same))


def _has(table: Any, *wanted: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(table.repo_id == LibraryEntry.repo_id, *wanted)


def of_ids(repo_ids: Collection[int]) -> ColumnElement[bool]:
    return LibraryEntry.repo_id.in_(repo_ids)
