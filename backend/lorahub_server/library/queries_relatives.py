"""SQL of what a repository is related to. It asks `visible_repos`."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, func, literal, or_, select, union_all
from sqlalchemy.orm import Session, contains_eager

from lorahub_server.access import Caller
from lorahub_server.accounts.tables import Account
from lorahub_server.library.tables import LibraryEntry, RepoTerm
from lorahub_server.repos.tables import Repository
from lorahub_server.repos.visibility import visible_repos

# So many of a kind are looked at, the newest, however popular a base is.
LOOKED_AT = 2000


@dataclass(frozen=True, slots=True)
class Row:
    """`term` is what relates it: a term of the vocabulary, or the base's name in lower case."""

    kind: str
    term: str
    entry: LibraryEntry
    repo: Repository


def relatives(
    session: Session,
    caller: Caller,
    repo_id: int,
    *,
    bases: Collection[tuple[str, str]],
    derived: Collection[str],
    base_term: str | None,
    limit: int,
) -> list[Row]:
    """Return up to `limit` of each kind, the liveliest first, in one statement.

    `bases` are names in lower case, in pairs; `derived` the terms of what is built on this one;
    `base_term` the one that siblings share.
    """
    parts = [_part("fork", Repository.id, _none(), Repository.forked_from_id == repo_id)]
    if bases:
        parts.append(_bases(bases))
    if derived:
        parts.append(_termed("derived", RepoTerm.term.in_(derived), repo_id))
    if base_term is not None:
        parts.append(_termed("sibling", RepoTerm.term == base_term, repo_id))
    found = union_all(*parts).subquery()
    place = (
        func.row_number()
        .over(
            partition_by=found.c.kind,
            order_by=(LibraryEntry.trending.desc(), LibraryEntry.repo_id.desc()),
        )
        .label("place")
    )
    ranked = (
        select(found.c.kind, found.c.repo_id, found.c.term, place)
        .join(Repository, Repository.id == found.c.repo_id)
        .join(LibraryEntry, LibraryEntry.repo_id == found.c.repo_id)
        .where(visible_repos(caller))
        .subquery()
    )
    rows = session.execute(
        select(ranked.c.kind, ranked.c.term, LibraryEntry, Repository)
        .join(LibraryEntry, LibraryEntry.repo_id == ranked.c.repo_id)
        .join(Repository, Repository.id == ranked.c.repo_id)
        .join(Account, Account.id == Repository.owner_id)
        .options(contains_eager(Repository.owner))
        .where(ranked.c.place <= limit)
        .order_by(ranked.c.kind, ranked.c.place)
    )
    return [Row(kind, term, entry, repo) for kind, term, entry, repo in rows]


def _bases(names: Collection[tuple[str, str]]) -> Any:
    named = [
        and_(Account.name_lower == owner, Repository.name_lower == name) for owner, name in names
    ]
    term = Account.name_lower + "/" + Repository.name_lower
    return _part("base", Repository.id, term, or_(*named), join=Account)


def _termed(kind: str, condition: ColumnElement[bool], repo_id: int) -> Any:
    return _part(kind, RepoTerm.repo_id, RepoTerm.term, condition, RepoTerm.repo_id != repo_id)


def _part(
    kind: str,
    repo_id: Any,
    term: Any,
    *conditions: ColumnElement[bool],
    join: type[Account] | None = None,
) -> Any:
    statement = select(literal(kind).label("kind"), repo_id.label("repo_id"), term.label("term"))
    if join is not None:
        statement = statement.join(Account, Account.id == Repository.owner_id)
    newest = statement.where(*conditions).order_by(repo_id.desc()).limit(LOOKED_AT).subquery()
    return select(newest.c.kind, newest.c.repo_id, newest.c.term)


def _none() -> ColumnElement[str]:
    return cast(literal(""), String)
