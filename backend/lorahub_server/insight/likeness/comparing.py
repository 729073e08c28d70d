"""The comparison of one file with all others: the worker's part, since it needs NumPy."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from lorahub.adapters import sameness
from lorahub.adapters.sketch import Sketch
from lorahub_server.insight.likeness import kinds, queries
from lorahub_server.insight.likeness.service import Sketched
from lorahub_server.insight.likeness.tables import Likeness

_CANDIDATES = 200
_MOST_PARTS = 4


@dataclass(slots=True)
class _Found:
    sha256: str
    moment: datetime
    rows: dict[tuple[str, str], Likeness] = field(default_factory=dict)

    def note(self, other: str, mine: Sketch, theirs: Sketch) -> str:
        """Note what each is to the other; return what the other is to this one."""
        told = sameness.likeness(mine, theirs)
        if told.kind != kinds.UNRELATED:
            back = sameness.likeness(theirs, mine)
            self._put(self.sha256, other, told.kind, told.cosine, told.ratio)
            self._put(other, self.sha256, back.kind, back.cosine, back.ratio)
        return told.kind

    def note_tensors(self, other: str) -> None:
        """Note that both have the same numbers, over what their sketches told."""
        for one, two in ((self.sha256, other), (other, self.sha256)):
            self._put(one, two, kinds.TENSORS, 1.0, 1.0)

    def note_part(self, other: str, weight: float) -> None:
        self._put(self.sha256, other, kinds.PART, 0.0, weight)

    def _put(self, one: str, two: str, kind: str, cosine: float, ratio: float) -> None:
        self.rows[one, two] = Likeness(
            sha256=one, other=two, kind=kind, cosine=cosine, ratio=ratio, found_at=self.moment
        )


def sketched(report: Mapping[str, Any]) -> Sketched:
    """Return what to remember of a file for comparing it, from its report."""
    text = report["sketch"]
    sketch = Sketch.from_text(text) if text else None
    return Sketched(
        None if sketch is None else sketch.to_bytes(),
        [] if sketch is None else sameness.band_keys(sketch),
        report["content"]["tensors"],
        report["content"]["unnamed"],
    )


def compare_all(session: Session, sha256: str, moment: datetime) -> list[Likeness]:
    """Compare a file with those that may be like it; return the rows to be put."""
    own = queries.sketch(session, sha256)
    if own is None:
        return []
    found = _Found(sha256, moment)
    if own.data is not None:
        _compare(session, Sketch.from_bytes(own.data), found)
    for other in queries.with_tensors_of(session, own, _CANDIDATES):
        found.note_tensors(other)
    return list(found.rows.values())


def _compare(session: Session, mine: Sketch, found: _Found) -> None:
    shelf = _Shelf(session, found.sha256)
    near = shelf.near(queries.keys_of(session, found.sha256))
    told = {other: found.note(other, mine, theirs) for other, theirs in near.items()}
    parts = {other: near[other] for other, kind in told.items() if kind == kinds.RELATED}
    merge = _merge(mine, parts, shelf)
    for other, weight in (merge.weights if merge else {}).items():
        found.note_part(other, weight)


def _merge(mine: Sketch, parts: dict[str, Sketch], shelf: "_Shelf") -> sameness.Merge | None:
    """Find what `mine` is a sum of.

    A small part is little like the sum, but much like what is left when the others are taken out.
    """
    merge = sameness.merge_of(mine, parts)
    for _ in range(_MOST_PARTS):
        if merge is not None or not parts:
            break
        rest = _rest(mine, list(parts.values()))
        more = shelf.near(sameness.band_keys(rest))
        more = {name: one for name, one in more.items() if name not in parts}
        if not more:
            break
        likest = max(more, key=lambda name: abs(sameness.likeness(rest, more[name]).cosine))
        parts = {**parts, likest: more[likest]}
        merge = sameness.merge_of(mine, parts)
    return merge


def _rest(mine: Sketch, parts: list[Sketch]) -> Sketch:
    matrix = np.stack([part.whole for part in parts], axis=1)
    weights = np.linalg.lstsq(matrix, mine.whole)[0]
    base = mine.base - sum(w * part.base for w, part in zip(weights, parts, strict=True))
    text = mine.text - sum(w * part.text for w, part in zip(weights, parts, strict=True))
    return Sketch(base, text, float(np.linalg.norm(base)), float(np.linalg.norm(text)))


@dataclass(frozen=True, slots=True)
class _Shelf:
    """All sketches but one file's own, by their keys."""

    session: Session
    sha256: str

    def near(self, keys: Collection[int]) -> dict[str, Sketch]:
        shas = queries.sharing_keys(self.session, keys, self.sha256, _CANDIDATES)
        rows = queries.sketches(self.session, shas)
        return {row.sha256: Sketch.from_bytes(row.data) for row in rows if row.data is not None}
