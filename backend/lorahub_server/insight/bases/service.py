"""The registry of bases, and who holds which."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lorahub_server.insight.bases import queries
from lorahub_server.insight.bases.errors import BaseExists, BaseNotFound
from lorahub_server.insight.bases.schemas import NewBase
from lorahub_server.insight.bases.tables import BaseHolder, BaseModel
from lorahub_server.kit.clock import now

# Workers say what they hold every minute.
HELD_FOR = timedelta(minutes=3)
_FORGOTTEN_AFTER = timedelta(days=7)
MAX_BASES = 200


@dataclass(frozen=True, slots=True)
class Held:
    """A base that some live worker has."""

    base: BaseModel
    digest: str
    devices: Sequence[str]


@dataclass(frozen=True, slots=True)
class Listed:
    """A base of the registry and the live workers that hold it; none: nobody does."""

    base: BaseModel
    holders: Sequence[BaseHolder]


def find(session: Session, base_id: str) -> BaseModel | None:
    return session.get(BaseModel, base_id)


def get(session: Session, base_id: str) -> BaseModel:
    """Raises BaseNotFound."""
    base = find(session, base_id)
    if base is None:
        raise BaseNotFound(
            f"There is no base model {base_id!r}; `lorahub-server bases list` shows them."
        )
    return base


def of_family(session: Session, family: str) -> list[Listed]:
    """Return the bases of a family that previews may be rendered with, and who holds them now."""
    return _listed(queries.registered(session, family, None, now() - HELD_FOR))


def of_source(session: Session, source: str) -> list[Listed]:
    """Return those that come from a repository of this name, whatever its case."""
    return _listed(queries.registered(session, None, source.lower(), now() - HELD_FOR))


def _listed(rows: Sequence[tuple[BaseModel, BaseHolder | None]]) -> list[Listed]:
    bases = {base.id: base for base, _ in rows}
    holding: dict[str, list[BaseHolder]] = {base_id: [] for base_id in bases}
    for base, holder in rows:
        if holder is not None:
            holding[base.id].append(holder)
    return [Listed(base, holding[base.id]) for base in bases.values()]


def list_bases(session: Session) -> list[Listed]:
    """Return all bases by family, with who holds them now."""
    holding: dict[str, list[BaseHolder]] = {}
    for holder in queries.holders(session, now() - HELD_FOR):
        holding.setdefault(holder.base_id, []).append(holder)
    return [
        Listed(base, holding.get(base.id, [])) for base in queries.all_bases(session, MAX_BASES)
    ]


def titles(session: Session) -> dict[str, str]:
    """Return how people call the bases, by id."""
    return {base.id: base.title for base in queries.all_bases(session, MAX_BASES)}


def has_family(session: Session, family: str | None) -> bool:
    """Tell whether an enabled base of the family is registered, held or not."""
    return bool(family) and queries.has_family(session, str(family))


def bases_for(session: Session, family: str, first: Any = None) -> list[Held]:
    """Return the bases of a family that live workers hold, the one registered first at first.

    `first`: the id of one that goes before them, or a SELECT of it.
    """
    devices: dict[str, list[str]] = {}
    latest: dict[str, tuple[BaseModel, str]] = {}
    for base, holder in queries.held_of_family(session, family, first, now() - HELD_FOR):
        devices.setdefault(base.id, []).append(holder.device)
        latest[base.id] = (base, holder.digest)
    return [Held(base, digest, devices[base.id]) for base, digest in latest.values()]


def add(session: Session, wanted: NewBase) -> BaseModel:
    """Register a base; workers take it up within a minute. Raises BaseExists."""
    taken = BaseExists(
        f"There is a base model {wanted.id!r} already. Remove it first, or take another name."
    )
    if find(session, wanted.id) is not None:
        raise taken
    if len(queries.all_bases(session, MAX_BASES)) >= MAX_BASES:
        raise BaseExists(f"A hub has at most {MAX_BASES} base models. Remove one first.")
    moment = now()
    base = BaseModel(**wanted.columns(), enabled=True, created_at=moment, updated_at=moment)
    try:
        with session.begin_nested():
            session.add(base)
    except IntegrityError as error:  # another did so meanwhile
        raise taken from error
    return base


def set_enabled(session: Session, base_id: str, *, enabled: bool) -> BaseModel:
    """Let previews be made with a base, or no longer. Raises BaseNotFound."""
    base = get(session, base_id)
    base.enabled, base.updated_at = enabled, now()
    session.flush()
    return base


def remove(session: Session, base_id: str) -> None:
    """Take a base from the registry; what was rendered with it stays. Raises BaseNotFound."""
    queries.drop(session, get(session, base_id))


def advertise(
    session: Session, base_id: str, worker: str, *, digest: str, device: str, dtype: str
) -> bool:
    """Note that a worker holds a base; tell whether nobody held these weights before.

    Then the previews of the base's family are owed anew, which the caller sees to.
    """
    if find(session, base_id) is None:
        return False
    known = queries.held_before(session, base_id, now() - HELD_FOR)
    values = {"digest": digest, "device": device, "dtype": dtype, "seen_at": now()}
    queries.put_holder(session, base_id, worker, values)
    return digest not in known


def leave(session: Session, worker: str, except_for: Sequence[str] = ()) -> None:
    """Forget what a worker held, but for these; and workers that were silent for long."""
    queries.drop_holders(session, worker, except_for)
    queries.drop_stale(session, now() - _FORGOTTEN_AFTER)
