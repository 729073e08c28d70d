"""A small sketch of what an adapter does, by which it is known again in another form.

For each weight that is changed, fixed random signs L and R follow from its canonical name; the
sketch is the sum of Lᵀ·ΔW·R over all weights, a matrix of 16 by 16. It is linear in ΔW and only
ΔW enters: layout, dtype, rank, the split of the scale and the choice of factors leave no trace.
Unrelated adapters are about as far apart as random vectors of 256 numbers (cosine 0 ± 0.06).
"""

import base64
import hashlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from lorahub.adapters.arrays import Tensors
from lorahub.adapters.canonical import Piece, is_text, pieces_of
from lorahub.adapters.delta import Delta, flat, load_delta
from lorahub.adapters.errors import AdapterFileError
from lorahub.adapters.modules import Module
from lorahub.adapters.products import inner

# Part of every seed and of every packed sketch: sketches of different versions never meet.
VERSION = 1
SIDE = 16
NUMBERS = SIDE * SIDE
_HEAD = struct.Struct("<4sBBH4f")
_MAGIC = b"LHsk"
PACKED_BYTES = _HEAD.size + 4 * NUMBERS

# Sums of thousands of modules stay within float32, and so do their squares.
_LARGEST = 1e15

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sketch:
    """`base` and `text`: the sums over the model itself and over text encoders. `base_norm` and
    `text_norm`: ‖ΔW‖ of each, exact. `skipped` counts modules with NaN or infinite numbers.
    """

    base: Floats
    text: Floats
    base_norm: float
    text_norm: float
    skipped: int = 0

    @property
    def whole(self) -> Floats:
        return self.base + self.text

    @property
    def norm(self) -> float:
        return float(np.hypot(self.base_norm, self.text_norm))

    def to_bytes(self) -> bytes:
        """A fixed number of bytes (PACKED_BYTES): unit vectors in F16, their lengths in F32."""
        lengths = [float(np.linalg.norm(part)) for part in (self.base, self.text)]
        skipped = min(self.skipped, 0xFFFF)
        head = _HEAD.pack(_MAGIC, VERSION, SIDE, skipped, self.base_norm, self.text_norm, *lengths)
        units = [
            (part / (length or 1.0)).astype("<f2").tobytes()
            for part, length in zip((self.base, self.text), lengths, strict=True)
        ]
        return head + b"".join(units)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Raises ValueError for what is no sketch of this version."""
        if len(data) != PACKED_BYTES or not data.startswith(_MAGIC):
            raise ValueError("This is no packed sketch.")
        _, version, side, skipped, base_norm, text_norm, base, text = _HEAD.unpack_from(data)
        if (version, side) != (VERSION, SIDE):
            raise ValueError(f"This sketch has the version {version}; {VERSION} is known.")
        units = np.frombuffer(data, "<f2", offset=_HEAD.size).astype(np.float32).reshape(2, -1)
        return cls(units[0] * base, units[1] * text, base_norm, text_norm, skipped)

    def to_text(self) -> str:
        return base64.b64encode(self.to_bytes()).decode()

    @classmethod
    def from_text(cls, text: str) -> Self:
        return cls.from_bytes(base64.b64decode(text, validate=True))


def sketch_of(
    modules: Sequence[Module],
    tensors: Tensors,
    family: str | None,
    norms: Mapping[str, float] | None = None,
) -> Sketch | None:
    """The sketch of an open file; None if nothing in it changes anything.

    Methods whose ΔW needs the base model are sketched by their own tensors: equal files and casts
    are found, other forms of the same are not. `norms`: ‖ΔW‖ by module name, if measured already.
    """
    norms = norms or {}
    maker = Maker()
    for module in modules:
        try:
            delta = load_delta(module, tensors)
        except (AdapterFileError, ValueError, IndexError):
            maker.skipped += 1
            continue
        if delta.known:
            maker.add(delta, pieces_of(module, family), norms.get(module.name))
        else:
            maker.add_parts(module, tensors, pieces_of(module, family)[0].name)
    return maker.finish()


class Maker:
    """Adds up a sketch, one ΔW at a time."""

    def __init__(self) -> None:
        self.skipped = 0
        self._sums = {False: np.zeros((SIDE, SIDE)), True: np.zeros((SIDE, SIDE))}
        self._squares = {False: 0.0, True: 0.0}

    def add(self, delta: Delta, pieces: Sequence[Piece], norm: float | None = None) -> None:
        """Add the ΔW of one module, which changes these weights."""
        text = is_text(pieces[0].name)
        # Numbers near the end of float32 may run over; then the module is skipped below.
        with np.errstate(over="ignore", invalid="ignore"):
            square = _square(delta) if norm is None else norm * norm
            found = sum(_project(piece.cut(delta), piece.name) for piece in pieces)
        # What float32 can't hold has no place in a packed sketch.
        if not (np.abs(found) < _LARGEST).all() or not square < _LARGEST**2:
            self.skipped += 1
            return
        self._sums[text] += found
        self._squares[text] += square

    def add_parts(self, module: Module, tensors: Tensors, name: str) -> None:
        for role, key in module.factors.items():
            values = tensors[key]
            if role == "alpha" or values.dtype.kind != "f":
                continue
            matrix = flat(values).astype(np.float32)
            shape = (matrix.shape[0], matrix.shape[1])
            self.add(Delta("dense", shape, left=matrix), [Piece(f"{name}#{role}")])

    def finish(self) -> Sketch | None:
        if not any(self._squares.values()):
            return None
        base, text = (self._sums[kind].astype(np.float32).ravel() for kind in (False, True))
        norms = [float(np.sqrt(self._squares[kind])) for kind in (False, True)]
        return Sketch(base, text, norms[0], norms[1], self.skipped)


def signs(name: str, side: str, count: int) -> Floats:
    """`count` rows of SIDE random signs, the same for ever for a name and a side."""
    seed = f"lorahub-sketch-{VERSION}|{side}|{name}".encode()
    bits = hashlib.shake_128(seed).digest(count * SIDE // 8)
    made = np.unpackbits(np.frombuffer(bits, np.uint8)).astype(np.float32)
    made *= 2
    made -= 1
    found: Floats = made.reshape(count, SIDE)
    return found


def _project(delta: Delta, name: str) -> npt.NDArray[np.float64]:
    """Lᵀ·ΔW·R / SIDE."""
    left, right = signs(name, "L", delta.shape[0]), signs(name, "R", delta.shape[1])
    if delta.form == "thin":
        up, down = delta.factors
        made = inner(left.T, up) @ inner(down, right)
    elif delta.form == "kron":
        made = _project_kron(delta, left, right).astype(np.float64)
    else:
        made = (left.T @ delta.matrix @ right).astype(np.float64)
    found: npt.NDArray[np.float64] = made * (delta.scale / SIDE)
    return found


def _project_kron(delta: Delta, left: Floats, right: Floats) -> Floats:
    """Lᵀ·(w1 ⊗ w2)·R without the product: one factor after the other."""
    w1, w2 = (factor.astype(np.float32, copy=False) for factor in delta.factors)
    moved = left.T.reshape(SIDE, w1.shape[0], w2.shape[0])
    moved = np.einsum("kab,ac->kcb", moved, w1, optimize=True)
    made: Floats = (moved @ w2).reshape(SIDE, -1) @ right
    return made


def _square(delta: Delta) -> float:
    """‖ΔW‖²."""
    if delta.form == "thin":
        up, down = delta.factors
        found = float((inner(up.T, up) * inner(down, down.T)).sum())
    elif delta.form == "kron":
        one, two = (float(np.linalg.norm(factor)) for factor in delta.factors)
        found = (one * two) ** 2
    else:
        found = float(np.linalg.norm(delta.matrix)) ** 2
    return max(found, 0.0) * delta.scale**2
