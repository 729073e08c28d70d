"""Whether two adapters are the same, and in what sense.

From the strictest: the same file; the same tensors under another header or other names; the same
ΔW in another form; a part of a merge. The first two are hashes, the rest is told from sketches.
"""

import hashlib
import itertools
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lorahub.adapters.arrays import Tensors
from lorahub.adapters.sketch import NUMBERS, VERSION, Sketch, signs

Vector = npt.NDArray[Any]

SAME = "same"
SCALED = "scaled"
RESIZED = "resized"
NEAR = "near"
RELATED = "related"
UNRELATED = "unrelated"

# Cosines of sketches. Casts to BF16 leave 0.99999, to FP8 0.999; unrelated ones stay below 0.4.
_SAME = 0.9998
_NEAR = 0.97
_RELATED = 0.5
_RATIO = 0.02
# Of a resize the cosine is the ratio of the norms, whatever was dropped; the sketch adds noise.
_RESIZED = 0.85
_RESIZED_GAP = 0.03
# What is left over of a merge that the parts explain, as a part of its length.
_MERGED = 0.1
_LEAST_PARTS, _MOST_PARTS = 2, 4
# The last part's drop of what is left over, and the least part of the length that counts as one.
_CLEAR = 2.0
_LEAST_PART = 0.02

BANDS, BAND_BITS = 48, 13
_KEY_BITS = 63


@dataclass(frozen=True, slots=True)
class ContentHashes:
    """`tensors`: the same for files with equal names, dtypes, shapes and bytes, whatever their
    header and order. `unnamed`: names and single numbers (alpha) do not count.
    """

    tensors: str
    unnamed: str


def content_hashes(tensors: Tensors) -> ContentHashes:
    """Hashes of the tensors of an open file, one by one."""
    named, unnamed = [], []
    for name, info in tensors.header.tensors.items():
        kind = f"{info.dtype}{list(info.shape)}".encode()
        content = hashlib.sha256(tensors.raw(name)).digest()
        named.append(name.encode() + b"\0" + kind + b"\0" + content)
        if info.elements > 1:
            unnamed.append(kind + b"\0" + content)
    return ContentHashes(_hash_of_all(named), _hash_of_all(unnamed))


def _hash_of_all(items: Sequence[bytes]) -> str:
    whole = hashlib.sha256()
    for item in sorted(items):
        whole.update(struct.pack("<I", len(item)) + item)
    return whole.hexdigest()


@dataclass(frozen=True, slots=True)
class Likeness:
    """`kind`, of the second to the first: SAME (another file of the same weights), SCALED (the same
    times `ratio`), RESIZED (what is there is the same, and some is gone: as a smaller rank leaves
    it), NEAR (a little training or editing apart, or much rounding), RELATED (they share a part: a
    merge, longer training), UNRELATED.

    `cosine` is that of ΔW, over all weights; `base` and `text` those of the parts, None where one
    side has none. `ratio` is the second's ‖ΔW‖ over the first's.
    """

    kind: str
    cosine: float
    ratio: float
    base: float | None
    text: float | None


def likeness(one: Sketch, other: Sketch) -> Likeness:
    """What the second of two sketched adapters is to the first, whatever their files look like."""
    cosine = _cosine(one.whole, other.whole) or 0.0
    ratio = other.norm / one.norm if one.norm else 0.0
    return Likeness(
        kind=_kind(cosine, ratio),
        cosine=cosine,
        ratio=ratio,
        base=_cosine(one.base, other.base),
        text=_cosine(one.text, other.text),
    )


def _kind(cosine: float, ratio: float) -> str:
    if abs(cosine) >= _SAME:
        return SAME if cosine > 0 and abs(ratio - 1) <= _RATIO else SCALED
    if cosine >= _RESIZED and ratio < 1 and abs(cosine - ratio) <= _gap(cosine):
        return RESIZED
    if cosine >= _NEAR:
        return NEAR
    return RELATED if abs(cosine) >= _RELATED else UNRELATED


def _gap(cosine: float) -> float:
    """How far the cosine of a resize may be from the ratio of norms: the sketch's own noise."""
    noise = float(np.sqrt(max(1 - cosine * cosine, 0.0)))
    return min(_RESIZED_GAP, 0.3 * noise * noise + 0.001)


def _cosine(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> float | None:
    lengths = float(np.linalg.norm(one)) * float(np.linalg.norm(other))
    return float(np.dot(one, other)) / lengths if lengths else None


@dataclass(frozen=True, slots=True)
class Merge:
    """`weights`: what each part was multiplied with; `left_over`: the part of the merge's length
    that they do not explain.
    """

    weights: dict[str, float]
    left_over: float


def merge_of(merged: Sketch, candidates: Mapping[str, Sketch]) -> Merge | None:
    """The candidates, at most four, of which `merged` is a weighted sum; None if it is none.

    Parts are taken one after the other, each time the one most like what is left. The last part of
    a sum leaves next to nothing; where the first did that already, there is no merge.
    """
    target = merged.whole.astype(np.float64)
    columns = {name: each.whole.astype(np.float64) for name, each in candidates.items()}
    columns = {name: column for name, column in columns.items() if column.any()}
    length = float(np.linalg.norm(target))
    left_over = [1.0]
    chosen: list[str] = []
    rest = target
    while length and len(chosen) < min(_MOST_PARTS, len(columns)):
        unused = {name: columns[name] for name in columns.keys() - set(chosen)}
        chosen.append(_likest(rest, unused))
        _, rest = _fit(target, [columns[name] for name in chosen])
        left_over.append(max(float(np.linalg.norm(rest)) / length, 1e-9))
    if len(chosen) < _LEAST_PARTS:
        return None
    drops = [before / after for before, after in itertools.pairwise(left_over)]
    count = int(np.argmax(drops)) + 1
    return _merge(target, {name: columns[name] for name in chosen[:count]}, max(drops))


def _merge(target: Vector, columns: Mapping[str, Vector], drop: float) -> Merge | None:
    """The merge of these parts, less those that were taken by mistake; None if it is none."""
    length = float(np.linalg.norm(target))
    weights, _ = _fit(target, list(columns.values()))
    parts = {
        name: column
        for (name, column), weight in zip(columns.items(), weights, strict=True)
        if abs(weight) * float(np.linalg.norm(column)) >= _LEAST_PART * length
    }
    if len(parts) < _LEAST_PARTS or drop < _CLEAR:
        return None
    weights, rest = _fit(target, list(parts.values()))
    left_over = float(np.linalg.norm(rest)) / length
    if left_over > _MERGED:
        return None
    return Merge(dict(zip(parts, weights, strict=True)), left_over)


def _fit(target: Vector, columns: Sequence[Vector]) -> tuple[list[float], Vector]:
    """The weights that bring the columns' sum nearest to the target, and what is left of it."""
    matrix = np.stack(columns, axis=1)
    weights = np.linalg.lstsq(matrix, target)[0]
    return weights.tolist(), target - matrix @ weights


def _likest(rest: Vector, columns: Mapping[str, Vector]) -> str:
    return max(sorted(columns), key=lambda name: abs(_cosine(rest, columns[name]) or 0.0))


def band_keys(sketch: Sketch) -> list[int]:
    """Keys for an index, BANDS positive integers of 63 bits: adapters that are alike share some.

    Put them into a table (key, adapter), look up the rows with any of a new adapter's keys, and
    compare those by `likeness` that share at least one. All pairs with a cosine above 0.9 do, three
    of four at 0.7, one of a hundred unrelated. A negative copy has the same keys.
    """
    vector = sketch.whole.astype(np.float64)
    grouped = ((_planes() @ vector) > 0).reshape(BANDS, BAND_BITS)
    values = (grouped ^ grouped[:, :1]) @ (1 << np.arange(BAND_BITS))
    return [_key(band, int(value)) for band, value in enumerate(values)]


def _key(band: int, value: int) -> int:
    """Version, band and bits, spread over the integers that SQL knows."""
    packed = struct.pack("<BHI", VERSION, band, value)
    return int.from_bytes(hashlib.sha256(packed).digest()[:8], "little") >> (64 - _KEY_BITS)


_PLANES: list[npt.NDArray[np.float64]] = []


def _planes() -> npt.NDArray[np.float64]:
    if not _PLANES:
        count = BANDS * BAND_BITS
        made = signs("bands", "planes", count * NUMBERS // 16)
        _PLANES.append(made.reshape(count, NUMBERS).astype(np.float64))
    return _PLANES[0]
