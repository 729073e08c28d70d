"""Finding adapter files that are alike, and telling each caller what they may know of it.

The worker compares, as it has NumPy; pages only read what was found.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy.orm import Session

from lorahub_server import jobs
from lorahub_server.access import Tx, can_write
from lorahub_server.insight.likeness import queries
from lorahub_server.insight.likeness.kinds import SAME, TENSORS
from lorahub_server.insight.likeness.tables import AdapterSketch, Likeness
from lorahub_server.repos.tables import Repository

KIND = "liken"
BYTES = queries.BYTES
# Told to everybody, as they are facts about what a file is.
EXACT = frozenset({BYTES, TENSORS, SAME})
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Sketched:
    """What the inspection of a file found for comparing it; `sketch` is None without any ΔW."""

    sketch: bytes | None
    keys: list[int]
    tensors_sha256: str
    unnamed_sha256: str


@dataclass(frozen=True, slots=True)
class Match:
    """Another repository with a file like one of these; see `tables.Likeness` for `kind`."""

    sha256: str
    kind: str
    cosine: float
    ratio: float
    repo: str
    is_older: bool


def record(session: Session, sha256: str, found: Sketched) -> None:
    """Keep what was found, and owe the comparison with all others."""
    row = AdapterSketch(
        sha256=sha256,
        data=found.sketch,
        tensors_sha256=found.tensors_sha256,
        unnamed_sha256=found.unnamed_sha256,
    )
    queries.put_sketch(session, row, found.keys)
    # A job of its own, after the commit: of two files that come at once the later one sees both.
    jobs.enqueue(session, KIND, {"sha256": sha256}, dedup=f"{KIND}:{sha256}", queue="cpu")


def put(session: Session, sha256: str, rows: Collection[Likeness]) -> None:
    before = queries.others(session, sha256)
    queries.replace(session, sha256, list(rows))
    _refold(session, {sha256, *before, *(row.other for row in rows)})


def matches(tx: Tx, repo: Repository, shas: Collection[str]) -> list[Match]:
    """Return which other repositories have files like these.

    What is only similar is told to those who may write here and to the hub's administrators:
    similarity is no proof, and nobody shall be accused by a machine in public.
    """
    if not shas:
        return []
    tells_all = can_write(tx.caller, repo) or tx.caller.is_admin
    found: dict[tuple[str, str], Match] = {}
    for one in queries.alike(tx.session, tx.caller, shas, repo.id, _SHOWN):
        if one.kind in EXACT or tells_all:
            name, is_older = one.repo.full_name, one.repo.created_at < repo.created_at
            match = Match(one.sha256, one.kind, one.cosine, one.ratio, name, is_older)
            found.setdefault((one.sha256, name), match)
    return list(found.values())[:_SHOWN]


def _refold(session: Session, shas: Collection[str]) -> None:
    # The library stands on insight's facts, so insight only knows it when it has news.
    from lorahub_server.library.service import refold

    refold(session, shas)
