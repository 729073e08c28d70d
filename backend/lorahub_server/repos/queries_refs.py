"""SQL of branches and tags."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, bindparam, case, delete, func, literal, null, select
from sqlalchemy.orm import Session, aliased

from lorahub_server.access import Caller, anonymous, shown
from lorahub_server.accounts.tables import Account
from lorahub_server.kit import upsert
from lorahub_server.repos.tables import CommitRow, Ref, Repository

BRANCHES = "refs/heads/"


def commits_of_refs(session: Session, repo_id: int, names: Collection[str]) -> dict[str, str]:
    """Return the commits that these full names lead to; missing ones are left out."""
    rows = session.execute(
        select(Ref.name, Ref.commit_oid).where(Ref.repo_id == repo_id, Ref.name.in_(names))
    )
    return {row.name: row.commit_oid for row in rows}


@dataclass(frozen=True, slots=True)
class Sought:
    """What a revision may be: the first of these refs that is there, else a commit's id.

    `names` are full ones; None among them is the default branch. `prefix` begins the id.
    """

    names: tuple[str | None, ...] = ()
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Spot:
    """A commit and its tree. `last` is another commit when several have an id that begins so."""

    commit: str
    tree: str
    last: str


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """Columns of a table with a row for each Repository, read in the same statement."""

    table: Any
    on: ColumnElement[bool]
    columns: Sequence[ColumnElement[Any]]


def spot(session: Session, repo_id: int, sought: Sought) -> Spot | None:
    first, last = _ends(sought)
    statement = (
        select(CommitRow.oid, CommitRow.tree_oid, last)
        .join(Repository, (Repository.id == CommitRow.repo_id) & (CommitRow.oid == first))
        .where(Repository.id == repo_id)
    )
    row = session.execute(statement).one_or_none()
    return None if row is None else Spot(*row)


def repo_and_spot(
    session: Session,
    caller: Caller,
    keys: tuple[str, str],
    sought: Sought,
    beside: Beside | None = None,
) -> tuple[Repository | None, Spot | None, Any]:
    """Return the repository of an owner's and its own name, whoever may see it, and the spot.

    With `beside` the third is a row that has its columns, else it is of no use.
    """
    made = _for_everybody(sought, beside) if caller.is_anonymous else _made(caller, sought, beside)
    row = session.execute(made, {"owner": keys[0], "repo": keys[1]}).one_or_none()
    if row is None:
        return None, None, None
    repo, *found = row[:4]
    return repo, None if found[0] is None else Spot(*found), row


@lru_cache(maxsize=256)
def _for_everybody(sought: Sought, beside: Beside | None) -> Any:
    """Return the statement of callers without an account: to make it takes longer than to ask."""
    return _made(anonymous(), sought, beside)


def _made(caller: Caller, sought: Sought, beside: Beside | None) -> Any:
    first, last = _ends(sought)
    # Of what the caller may not know, no ref is looked at: it takes no longer than what is missing.
    may_know = shown(caller, owner_id=Repository.owner_id, private=Repository.private)
    there = (CommitRow.repo_id == Repository.id) & (CommitRow.oid == case((may_know, first)))
    owner, name = (
        Account.name_lower == bindparam("owner"),
        Repository.name_lower == bindparam("repo"),
    )
    statement = (
        select(Repository, CommitRow.oid, CommitRow.tree_oid, case((may_know, last)))
        .join(Account, Account.id == Repository.owner_id)
        .outerjoin(CommitRow, there)
        .where(owner, name)
    )
    if beside is None:
        return statement
    return statement.outerjoin(beside.table, beside.on).add_columns(*beside.columns)


def _ends(sought: Sought) -> tuple[ColumnElement[str], ColumnElement[str]]:
    """Return the first and the last commit of a Repository that may be meant; NULL: none."""
    of_refs: list[ColumnElement[Any]] = [
        select(Ref.commit_oid)
        .where(Ref.repo_id == Repository.id, Ref.name == _full(name))
        .correlate(Repository)
        .scalar_subquery()
        for name in sought.names
    ]
    ends = []
    for end in (func.min, func.max):
        ways = [*of_refs, _of_id(sought.prefix, end)] if sought.prefix else of_refs
        # One argument is too few for SQLite.
        ends.append(func.coalesce(*ways, null()))
    return ends[0], ends[1]


def _of_id(prefix: str, end: Callable[..., ColumnElement[Any]]) -> ColumnElement[Any]:
    commit = aliased(CommitRow)
    below = prefix + "g"  # the letter after the last hexadecimal digit
    return (
        select(end(commit.oid))
        .where(commit.repo_id == Repository.id, commit.oid >= prefix, commit.oid < below)
        .correlate(Repository)
        .scalar_subquery()
    )


def _full(name: str | None) -> Any:
    return literal(BRANCHES) + Repository.default_branch if name is None else name


def refs_of(session: Session, repo_id: int, *, but: str = "") -> Sequence[Ref]:
    """Return all refs; with `but`, those whose names don't begin so."""
    statement = select(Ref).where(Ref.repo_id == repo_id).order_by(Ref.name)
    if but:
        statement = statement.where(Ref.name.not_like(f"{but}%"))
    return session.scalars(statement).all()


def commits_below(session: Session, repo_id: int, start: str) -> Sequence[tuple[str, str]]:
    """Return the refs whose names begin so, with their commits."""
    rows = session.execute(
        select(Ref.name, Ref.commit_oid).where(Ref.repo_id == repo_id, Ref.name.like(f"{start}%"))
    )
    return [(row.name, row.commit_oid) for row in rows]


def names_of(session: Session, repo_id: int, *, but: str) -> Sequence[str]:
    """Return all names that don't begin so."""
    return session.scalars(
        select(Ref.name).where(Ref.repo_id == repo_id, Ref.name.not_like(f"{but}%"))
    ).all()


def set_ref(
    session: Session, repo_id: int, name: str, *, oid: str, commit_oid: str, moment: datetime
) -> None:
    """Move the ref, or make it."""
    changed = {"oid": oid, "commit_oid": commit_oid, "updated_at": moment}
    session.execute(
        upsert.insert(session, Ref)
        .values(repo_id=repo_id, name=name, **changed)
        .on_conflict_do_update(index_elements=[Ref.repo_id, Ref.name], set_=changed)
    )


def delete_ref(session: Session, repo_id: int, name: str) -> bool:
    """Remove the ref; False when it is not there."""
    gone = session.scalars(
        delete(Ref)
        .where(Ref.repo_id == repo_id, Ref.name == name)
        .returning(Ref.name)
        .execution_options(synchronize_session=False)
    ).all()
    return bool(gone)
