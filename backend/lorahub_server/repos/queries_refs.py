"""SQL of branches and tags."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    bindparam,
    case,
    delete,
    func,
    literal,
    null,
    select,
)
from sqlalchemy.orm import Session, aliased

from lorahub_server.access import Caller, anonymous, shown
from lorahub_server.accounts.tables import Account
from lorahub_server.kit import gather, upsert
from lorahub_server.repos.tables import CommitRow, GitObject, Ref, Repository

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


@dataclass(frozen=True, slots=True)
class Pair:
    """A commit with the bytes of its tree, and the one to compare it with; None: there is none."""

    commit: CommitRow | None
    data: bytes | None
    before: Spot | None
    before_data: bytes | None
    # Branches and tags with their commits, where they were asked for.
    refs: list[tuple[str, str]] = field(default_factory=list)


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


def repo_and_pair(
    session: Session,
    caller: Caller,
    keys: tuple[str, str],
    sought: Sought,
    since: Sought | None,
    beside: Beside,
    *,
    but: str | None,
) -> tuple[Repository | None, Spot | None, Pair, Any]:
    """Do what `repo_and_spot` does, and read what the spot is compared with.

    `since`: a revision; None is the commit before. `but`: how the names of those refs begin that
    are not told; None: none are.
    """
    told = null() if but is None else _names_and_commits(session, caller, but)
    statement = _with_pair(_made(caller, sought, beside), caller, since).add_columns(told)
    row = session.execute(statement, {"owner": keys[0], "repo": keys[1]}).one_or_none()
    if row is None:
        return None, None, Pair(None, None, None, None), None
    repo, *found = row[:4]
    commit, data, *before, before_data, named = row[-_PAIRED:]
    known = None if before[0] is None else Spot(*before)
    names = [(name, oid) for name, oid in gather.read_rows(named)]
    pair = Pair(commit, data, known, before_data, names)
    return repo, None if found[0] is None else Spot(*found), pair, row


_PAIRED = 7


def _with_pair(statement: Any, caller: Caller, since: Sought | None) -> Any:
    before, own, other = aliased(CommitRow), aliased(GitObject), aliased(GitObject)
    first, last = (CommitRow.parent_oid, CommitRow.parent_oid) if since is None else _ends(since)
    may_know = _may_know(caller)
    of_before = (before.repo_id == Repository.id) & (before.oid == case((may_know, first)))
    own_tree = (own.repo_id == CommitRow.repo_id) & (own.oid == CommitRow.tree_oid)
    other_tree = (other.repo_id == before.repo_id) & (other.oid == before.tree_oid)
    return (
        statement.outerjoin(own, own_tree)
        .outerjoin(before, of_before)
        .outerjoin(other, other_tree)
        .add_columns(
            CommitRow, own.data, before.oid, before.tree_oid, case((may_know, last)), other.data
        )
    )


def _names_and_commits(session: Session, caller: Caller, but: str) -> ColumnElement[str]:
    """Return the refs of a Repository with their commits, in pairs, as a text of JSON."""
    found = select(gather.rows(session, Ref.name, Ref.commit_oid)).where(
        Ref.repo_id == Repository.id, Ref.name.not_like(f"{but}%")
    )
    return case((_may_know(caller), found.correlate(Repository).scalar_subquery()))


@lru_cache(maxsize=256)
def _for_everybody(sought: Sought, beside: Beside | None) -> Any:
    """Return the statement of callers without an account: to make it takes longer than to ask."""
    return _made(anonymous(), sought, beside)


def _made(caller: Caller, sought: Sought, beside: Beside | None) -> Any:
    first, last = _ends(sought)
    may_know = _may_know(caller)
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


def _may_know(caller: Caller) -> ColumnElement[bool]:
    """Of what the caller may not know, no ref is looked at: it takes as long as what is missing."""
    return shown(caller, owner_id=Repository.owner_id, private=Repository.private)


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
