"""SQL of evaluation results. What is compared asks `visible_repos`."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from lorahub_server.access import Caller
from lorahub_server.accounts.tables import Account
from lorahub_server.library.evaluations import Other
from lorahub_server.library.tables import EvaluationResult, LibraryEntry
from lorahub_server.repos.tables import Repository
from lorahub_server.repos.visibility import visible_repos

# So many results of one kind are looked at, those of the newest repositories.
_LOOKED_AT = 500


def replace(session: Session, repo_id: int, rows: Sequence[EvaluationResult]) -> None:
    """Make these the repository's results; rows that stay the same are not written."""
    there = {row.place: row for row in of_repo(session, repo_id)}
    for row in rows:
        old = there.pop(row.place, None)
        if old is None:
            session.add(row)
            continue
        for name in ("key", "base", "value", "low", "high", "facts"):
            if getattr(old, name) != getattr(row, name):
                setattr(old, name, getattr(row, name))
    for gone in there.values():
        session.delete(gone)
    session.flush()


def of_repo(session: Session, repo_id: int) -> Sequence[EvaluationResult]:
    return session.scalars(
        select(EvaluationResult)
        .where(EvaluationResult.repo_id == repo_id)
        .order_by(EvaluationResult.place)
    ).all()


def beside_others(
    session: Session, caller: Caller, repo_id: int, *, keys: int, limit: int
) -> list[tuple[EvaluationResult, list[Other]]]:
    """Return a repository's results, each with up to `limit` of others on the same base.

    The others are the liveliest, the first at first. Only so many `keys` are compared.
    """
    ranked = _ranked(caller, repo_id, keys)
    statement = (
        select(EvaluationResult, ranked)
        .outerjoin(ranked, (ranked.c.key == EvaluationResult.key) & (ranked.c.number <= limit))
        .where(EvaluationResult.repo_id == repo_id)
        .order_by(EvaluationResult.place, ranked.c.number)
    )
    found: dict[int, tuple[EvaluationResult, list[Other]]] = {}
    for own, *other, number in session.execute(statement):
        _, others = found.setdefault(own.place, (own, []))
        if number is not None:
            others.append(Other(*other))
    return list(found.values())


def _ranked(caller: Caller, repo_id: int, keys: int) -> Any:
    """Return what Other has of those on the same base, and the `number` of each for its key."""
    own, other, newest = (aliased(EvaluationResult) for _ in range(3))
    wanted = (
        select(own.key, own.base)
        .where(own.repo_id == repo_id, own.base.is_not(None))
        .group_by(own.key, own.base)
        .order_by(func.min(own.place))
        .limit(keys)
        .subquery()
    )
    # However famous the base is: a walk down the index to the last that is looked at.
    before = (
        select(newest.repo_id)
        .where(newest.key == wanted.c.key, newest.base == wanted.c.base)
        .order_by(newest.repo_id.desc())
        .offset(_LOOKED_AT)
        .limit(1)
        .correlate(wanted)
        .scalar_subquery()
    )
    order = (LibraryEntry.trending.desc(), other.repo_id.desc())
    return (
        select(
            other.key,
            other.value,
            other.low,
            other.high,
            Account.name.label("owner"),
            Repository.name.label("name"),
            LibraryEntry.title,
            func.row_number().over(partition_by=other.key, order_by=order).label("number"),
        )
        .join(wanted, (wanted.c.key == other.key) & (wanted.c.base == other.base))
        .join(Repository, Repository.id == other.repo_id)
        .join(Account, Account.id == Repository.owner_id)
        .join(LibraryEntry, LibraryEntry.repo_id == other.repo_id)
        .where(
            other.repo_id != repo_id,
            other.repo_id > func.coalesce(before, 0),
            visible_repos(caller),
        )
        .subquery()
    )
