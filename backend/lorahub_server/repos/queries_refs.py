"""SQL of branches and tags."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, literal, select, union_all
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from lorahub_server.repos.tables import CommitRow, Ref


def commits_of_refs(session: Session, repo_id: int, names: Collection[str]) -> dict[str, str]:
    """Return the commits that these full names lead to; missing ones are left out."""
    rows = session.execute(
        select(Ref.name, Ref.commit_oid).where(Ref.repo_id == repo_id, Ref.name.in_(names))
    )
    return {row.name: row.commit_oid for row in rows}


def places(
    session: Session, repo_id: int, names: Collection[str], prefix: str
) -> dict[str, list[tuple[str, str]]]:
    """Return the commit and its tree that these full names lead to; as "" up to two commits whose
    ids begin so.
    """
    of_refs = (
        select(Ref.name, CommitRow.oid, CommitRow.tree_oid)
        .join(CommitRow, (CommitRow.repo_id == Ref.repo_id) & (CommitRow.oid == Ref.commit_oid))
        .where(Ref.repo_id == repo_id, Ref.name.in_(names))
    )
    of_ids = (
        select(literal("").label("name"), CommitRow.oid, CommitRow.tree_oid)
        .where(
            CommitRow.repo_id == repo_id,
            CommitRow.oid >= prefix,
            CommitRow.oid < prefix + "g",  # the letter after the last hexadecimal digit
        )
        .limit(2)
        .subquery()
    )
    wanted: Any = of_refs
    if prefix:
        wanted = union_all(of_refs, select(of_ids)) if names else select(of_ids)
    found: dict[str, list[tuple[str, str]]] = {}
    for name, oid, tree_oid in session.execute(wanted):
        found.setdefault(name, []).append((oid, tree_oid))
    return found


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
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    changed = {"oid": oid, "commit_oid": commit_oid, "updated_at": moment}
    session.execute(
        dialect.insert(Ref)
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
