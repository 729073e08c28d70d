"""SQL of evaluation results. What is compared asks `visible_repos`."""

from collections.abc import Collection, Sequence

from sqlalchemy import func, select, union_all
from sqlalchemy.orm import Session

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


def others(
    session: Session,
    caller: Caller,
    repo_id: int,
    base: str,
    keys: Collection[str],
    limit: int,
) -> list[Other]:
    """Return up to `limit` results of others on the base for each key, the liveliest first."""
    parts = [
        select(
            select(EvaluationResult.repo_id, EvaluationResult.place)
            .where(
                EvaluationResult.key == key,
                EvaluationResult.base == base,
                EvaluationResult.repo_id != repo_id,
            )
            .order_by(EvaluationResult.repo_id.desc())
            .limit(_LOOKED_AT)
            .subquery()
        )
        for key in sorted(set(keys))
    ]
    found = union_all(*parts).subquery()
    number = (
        func.row_number()
        .over(
            partition_by=EvaluationResult.key,
            order_by=(LibraryEntry.trending.desc(), EvaluationResult.repo_id.desc()),
        )
        .label("number")
    )
    ranked = (
        select(
            EvaluationResult.key,
            EvaluationResult.value,
            EvaluationResult.low,
            EvaluationResult.high,
            Account.name.label("owner"),
            Repository.name.label("name"),
            LibraryEntry.title,
            number,
        )
        .join(
            found,
            (found.c.repo_id == EvaluationResult.repo_id)
            & (found.c.place == EvaluationResult.place),
        )
        .join(Repository, Repository.id == EvaluationResult.repo_id)
        .join(Account, Account.id == Repository.owner_id)
        .join(LibraryEntry, LibraryEntry.repo_id == EvaluationResult.repo_id)
        .where(visible_repos(caller))
        .subquery()
    )
    rows = session.execute(select(ranked).where(ranked.c.number <= limit).order_by(ranked.c.number))
    return [
        Other(row.key, row.value, row.low, row.high, row.owner, row.name, row.title) for row in rows
    ]
