"""SQL of the keys under which repositories are listed: written with the library's entry."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any

from sqlalchemy import and_, bindparam, delete, func, or_, select, update
from sqlalchemy.orm import Session

from lorahub_server.kit import upsert
from lorahub_server.kit.db import before_commit, once
from lorahub_server.library.keys import NO_SIZE, Key
from lorahub_server.library.tables import Listing, SearchKey

_QUIET: dict[str, Any] = {"synchronize_session": False}
# Changes of numbers of uses that the transaction has not written yet.
_PENDING = "uses_of_search_keys"


@dataclass(frozen=True, slots=True)
class Found:
    id: int
    scope: int
    kind: str
    value: str
    uses: int


def known(session: Session, scopes: Collection[int], wanted: Collection[Key]) -> list[Found]:
    """Return what `found` does; one who only reads asks for each key once."""
    here = frozenset(scopes)
    seen: dict[Key, list[Found]] = once(session, ("search_keys", here), dict)
    missing = [key for key in wanted if key not in seen]
    if missing:
        seen |= {key: [] for key in missing}
        for one in found(session, here, missing):
            seen[one.kind, one.value].append(one)
    return [one for key in dict.fromkeys(wanted) for one in seen[key]]


def found(session: Session, scopes: Collection[int], wanted: Collection[Key]) -> list[Found]:
    """Return those of the keys that are there, in any of the scopes."""
    values: dict[str, Any] = {"scopes": sorted(scopes)}
    for number, (kind, value) in enumerate(sorted(wanted)):
        values |= {f"kind_{number}": kind, f"value_{number}": value}
    return [Found(*row) for row in session.execute(_statement(len(wanted)), values)]


@cache
def _statement(number: int) -> Any:
    # Each key has its place in an index; a list of pairs would have SQLite read all keys.
    each = [
        and_(
            SearchKey.kind == bindparam(f"kind_{place}"),
            SearchKey.value == bindparam(f"value_{place}"),
            SearchKey.scope.in_(bindparam("scopes", expanding=True)),
        )
        for place in range(number)
    ]
    columns = (SearchKey.id, SearchKey.scope, SearchKey.kind, SearchKey.value, SearchKey.uses)
    return select(*columns).where(or_(*each))


def put(
    session: Session, repo_id: int, scope: int, wanted: Collection[Key], orders: Mapping[str, Any]
) -> None:
    """List a repository under these keys alone. The caller holds the lock of its entry."""
    rows = session.execute(
        select(Listing.key_id, Listing.size, SearchKey.scope, SearchKey.kind, SearchKey.value)
        .join(SearchKey, SearchKey.id == Listing.key_id)
        .where(Listing.repo_id == repo_id)
    ).all()
    kept = {
        (row.kind, row.value): row.key_id
        for row in rows
        if row.scope == scope and (row.kind, row.value) in wanted
    }
    was_full = any(row.size != NO_SIZE for row in rows)
    is_full = orders["size"] != NO_SIZE
    changes = dict.fromkeys(kept.values(), (0, is_full - was_full))
    gone = {row.key_id for row in rows} - set(kept.values())
    if gone:
        _delete(session, repo_id, gone)
        changes |= dict.fromkeys(gone, (-1, -was_full))
    if kept:
        reorder(session, repo_id, orders)
    new = _made(session, scope, [key for key in wanted if key not in kept])
    if new:
        values = [{"repo_id": repo_id, "key_id": key_id, **orders} for key_id in new]
        session.execute(upsert.insert(session, Listing).values(values))
        changes |= dict.fromkeys(new, (1, int(is_full)))
    _count(session, changes)


def reorder(session: Session, repo_id: int, orders: Mapping[str, Any]) -> None:
    """Let all listings of a repository have these values; equal rows are not written."""
    differs = [getattr(Listing, name) != value for name, value in orders.items()]
    session.execute(
        update(Listing).where(Listing.repo_id == repo_id, or_(*differs)).values(**orders),
        execution_options=_QUIET,
    )


def remove(session: Session, repo_id: int) -> None:
    rows = session.execute(
        select(Listing.key_id, Listing.size).where(Listing.repo_id == repo_id)
    ).all()
    if rows:
        _delete(session, repo_id, [row.key_id for row in rows])
        _count(session, {row.key_id: (-1, -(row.size != NO_SIZE)) for row in rows})


def recount(session: Session) -> None:
    """Count all uses again, whatever the numbers were."""
    session.info.get(_PENDING, {}).clear()
    uses = select(func.count()).select_from(Listing).where(Listing.key_id == SearchKey.id)
    full = uses.where(Listing.size != NO_SIZE)
    session.execute(
        update(SearchKey).values(uses=uses.scalar_subquery(), full=full.scalar_subquery()),
        execution_options=_QUIET,
    )


def _made(session: Session, scope: int, wanted: Collection[Key]) -> list[int]:
    """Return the numbers of keys; those that are new are made."""
    if not wanted:
        return []
    there = {(key.kind, key.value): key.id for key in found(session, [scope], wanted)}
    missing = sorted(key for key in wanted if key not in there)
    if missing:
        values = [
            {"scope": scope, "kind": kind, "value": value, "uses": 0, "full": 0}
            for kind, value in missing
        ]
        session.execute(upsert.insert(session, SearchKey).values(values).on_conflict_do_nothing())
        there |= {(key.kind, key.value): key.id for key in found(session, [scope], missing)}
    return [there[key] for key in sorted(wanted)]


def _count(session: Session, changes: Mapping[int, tuple[int, int]]) -> None:
    """Add to the numbers of uses when the transaction ends."""
    pending: dict[int, tuple[int, int]] | None = session.info.get(_PENDING)
    if pending is None:
        pending = session.info[_PENDING] = {}
        before_commit(session, lambda: _write_counts(session))
    for key_id, (uses, full) in changes.items():
        before = pending.get(key_id, (0, 0))
        pending[key_id] = (before[0] + uses, before[1] + full)


def _write_counts(session: Session) -> None:
    # All at once and locked in one order, so that nobody waits in a circle.
    pending: dict[int, tuple[int, int]] = session.info.pop(_PENDING, {})
    moved = {key_id: change for key_id, change in pending.items() if change != (0, 0)}
    if not moved:
        return
    session.execute(
        select(SearchKey.id)
        .where(SearchKey.id.in_(moved))
        .order_by(SearchKey.id)
        # Without `key_share` it would wait for everybody who lists something under the key.
        .with_for_update(key_share=True)
    ).all()
    for (uses, full), key_ids in _grouped(moved):
        session.execute(
            update(SearchKey)
            .where(SearchKey.id.in_(key_ids))
            .values(uses=SearchKey.uses + uses, full=SearchKey.full + full),
            execution_options=_QUIET,
        )


def _grouped(
    moved: Mapping[int, tuple[int, int]],
) -> Iterable[tuple[tuple[int, int], list[int]]]:
    ordered = sorted(moved, key=lambda key_id: moved[key_id])
    for change, key_ids in groupby(ordered, key=lambda key_id: moved[key_id]):
        yield change, list(key_ids)


def _delete(session: Session, repo_id: int, key_ids: Collection[int]) -> None:
    session.execute(
        delete(Listing).where(Listing.repo_id == repo_id, Listing.key_id.in_(key_ids)),
        execution_options=_QUIET,
    )
