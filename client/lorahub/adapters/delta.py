"""What an adapter adds to a weight, kept in the smallest form that says it exactly.

ΔW = scale · left · right for the LoRA kind, scale · (left ⊗ right) for LoKr, scale · left where
nothing smaller is exact. Convolutions are seen as matrices: (out, in · kernel height · kernel
width). The scale stays apart, so that numbers near the edge of a dtype are not lost.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from lorahub.adapters.arrays import Array, Tensors
from lorahub.adapters.modules import Module, read_alpha, scale_of

Form = Literal["thin", "kron", "dense", "none"]

# LoHa is rank r² at most. Above this part of the smaller side two thin factors cost more than ΔW.
_THIN_SHARE = 0.5
# Small factors may stand for a product that fills any memory. Those of real adapters are smaller.
_MOST_NUMBERS = 100_000_000
_ROWS = 1024


@dataclass(frozen=True, slots=True)
class Delta:
    """`shape` is (m, n). thin: left (m, r), right (r, n). kron: the two factors. dense: left is
    (m, n). none: `note` says why ΔW can't be told from the file. With another form `note` names
    what ΔW leaves out.
    """

    form: Form
    shape: tuple[int, int]
    scale: float = 1.0
    left: Array | None = None
    right: Array | None = None
    note: str = ""

    @property
    def known(self) -> bool:
        return self.form != "none"

    @property
    def factors(self) -> tuple[Array, Array]:
        """Both factors of the thin and the Kronecker form."""
        if self.left is None or self.right is None:
            raise ValueError(f"A {self.form} ΔW has no two factors.")
        return self.left, self.right

    @property
    def matrix(self) -> Array:
        """The dense form's matrix, without the scale."""
        if self.left is None or self.right is not None:
            raise ValueError(f"A {self.form} ΔW is no single matrix.")
        return self.left

    @property
    def rank(self) -> int:
        """No rank of ΔW can be larger."""
        if self.form == "thin":
            return min(int(self.factors[0].shape[1]), *self.shape)
        return min(self.shape) if self.known else 0


def load_delta(module: Module, tensors: Tensors, dtype: Any = np.float32) -> Delta:
    """ΔW of a module of an open file, in an array of its own."""
    parts = {role: tensors[key] for role, key in module.factors.items() if role != "alpha"}
    return delta_of(module.method, parts, scale_of(module, read_alpha(module, tensors)), dtype)


def delta_of(
    method: str, parts: Mapping[str, Array], scale: float | None, dtype: Any = np.float32
) -> Delta:
    """ΔW from a module's method and its tensors by role, both as `modules` names them.

    A scale that is not known counts as 1, and the note says so. Memory: the factors once in
    `dtype`; ΔW itself only for LoHa of a high rank and for full differences. Raises ValueError
    for factors that do not fit together, or whose product is larger than any real weight.
    """
    makers = _MAKERS.get(method, {})
    make = next((make for roles, make in makers.items() if parts.keys() >= set(roles)), None)
    if make is None:
        lacking = "ΔW of this method needs the base model's weights."
        return Delta("none", (0, 0), note="A factor is missing." if makers else lacking)
    notes = []
    if scale is None:
        notes.append("The scale is unknown; 1 is assumed.")
    if "dora" in parts:
        notes.append("DoRA's magnitudes need the base model; this is B·A alone.")
    made = make(parts, dtype)
    return replace(made, scale=1.0 if scale is None else float(scale), note=" ".join(notes))


def dense(delta: Delta, dtype: Any = np.float32) -> Array:
    """ΔW as one matrix, the scale included. The caller sees to it that there is room."""
    if delta.form == "thin":
        left, right = delta.factors
        made: Array = left.astype(dtype) @ right.astype(dtype)
    elif delta.form == "kron":
        left, right = delta.factors
        made = np.kron(left.astype(dtype), right.astype(dtype))
    else:
        made = delta.matrix.astype(dtype)
    made *= dtype(delta.scale)
    return made


def thin(delta: Delta, dtype: Any = np.float64) -> tuple[Array, Array]:
    """(U, V) with ΔW = U·V, exact, the scale split evenly between both.

    The inner size is the rank where one is known, for LoKr the product of the ranks that its
    factors have (to the precision of `dtype`), for a dense ΔW the smaller side.
    """
    root = np.sqrt(abs(delta.scale))
    sign = -1.0 if delta.scale < 0 else 1.0
    if delta.form == "kron":
        left, right = (_ranked(factor.astype(dtype)) for factor in delta.factors)
        up, down = np.kron(left[0], right[0]), np.kron(left[1], right[1])
    elif delta.form == "thin":
        up, down = (factor.astype(dtype) for factor in delta.factors)
    else:
        up, down = _two(delta.matrix.astype(dtype))
    return up * dtype(root * sign), down * dtype(root)


def rows(delta: Delta, begin: int, end: int) -> Delta:
    """The part of a fused ΔW that makes the outputs `begin` to `end`."""
    if delta.form == "kron":
        left, right = delta.factors
        height = right.shape[0]
        if begin % height or end % height:
            whole = dense(replace(delta, scale=1.0), right.dtype.type)
            return replace(
                delta,
                form="dense",
                left=whole[begin:end],
                right=None,
                shape=(end - begin, whole.shape[1]),
            )
        begin, end = begin // height, end // height
        cut = left[begin:end]
        return replace(delta, left=cut, shape=(cut.shape[0] * height, delta.shape[1]))
    if delta.left is None:
        return replace(delta, shape=(end - begin, delta.shape[1]))
    return replace(delta, left=delta.left[begin:end], shape=(end - begin, delta.shape[1]))


def _ranked(matrix: Array) -> tuple[Array, Array]:
    """A matrix as a product of two with its rank between them."""
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    noise = values[0] * max(matrix.shape) * np.finfo(matrix.dtype).eps if values.size else 0.0
    rank = max(int((values > noise).sum()), 1)
    return left[:, :rank] * values[:rank], right[:rank]


def _two(matrix: Array) -> tuple[Array, Array]:
    """A matrix as a product of two with the smaller side between them."""
    height, width = matrix.shape
    if height <= width:
        return np.eye(height, dtype=matrix.dtype), matrix
    return matrix, np.eye(width, dtype=matrix.dtype)


def _check_room(height: int, width: int) -> None:
    if height * width > _MOST_NUMBERS:
        raise ValueError(f"a product of {height * width} numbers is larger than any real weight")


def flat(array: Array) -> Array:
    """A convolution's weight, or a vector, as a matrix."""
    return array.reshape(array.shape[0], -1) if array.ndim else array.reshape(1, 1)


def _thin(up: Array, down: Array, note: str = "") -> Delta:
    return Delta("thin", (up.shape[0], down.shape[1]), left=up, right=down, note=note)


def _lora(parts: Mapping[str, Array], dtype: Any) -> Delta:
    up, down = flat(parts["up"]).astype(dtype), parts["down"]
    mid = parts.get("mid")
    if mid is not None:
        # Tucker: the middle's kernel moves into the lower factor; exact.
        _check_room(mid.size // max(mid.shape[1], 1), down.size // max(down.shape[0], 1))
        made = np.einsum("pqhw,qi->pihw", mid.astype(dtype), flat(down).astype(dtype))
        return _thin(up, flat(made))
    down = flat(down).astype(dtype)
    middle = parts.get("scale")
    if middle is not None and middle.size == down.shape[0]:
        down = middle.reshape(-1, 1).astype(dtype) * down  # AdaLoRA
    return _thin(_ungroup(up, down.shape[0]), down)


def _ungroup(up: Array, rank: int) -> Array:
    """Grouped convolutions and merged projections: each group of rows has a slice of the rank."""
    inner = up.shape[1]
    if inner == rank:
        return up
    groups = rank // inner
    if groups * inner != rank or up.shape[0] % groups:
        raise ValueError(f"factors of rank {rank} and {inner}")
    height = up.shape[0] // groups
    _check_room(up.shape[0], rank)
    made = np.zeros((up.shape[0], rank), up.dtype)
    for group in range(groups):
        block = slice(group * height, (group + 1) * height)
        made[block, group * inner : (group + 1) * inner] = up[block]
    return made


def _loha(parts: Mapping[str, Array], dtype: Any) -> Delta:
    pairs = []
    for one in ("1", "2"):
        a, b = parts[f"hada_w{one}_a"].astype(dtype), parts[f"hada_w{one}_b"].astype(dtype)
        core = parts.get(f"hada_t{one}")
        if core is None:
            pairs.append((a, b))
        else:
            _check_room(core.size // max(core.shape[1], 1), b.shape[-1])
            moved = np.einsum("ijhw,jr->irhw", core.astype(dtype), b)
            pairs.append((a.T, flat(moved)))
    (left1, right1), (left2, right2) = pairs
    height, width = left1.shape[0], right1.shape[1]
    rank = left1.shape[1] * left2.shape[1]
    if rank <= min(height, width) * _THIN_SHARE:
        up = np.einsum("mi,mj->mij", left1, left2).reshape(height, rank)
        down = np.einsum("in,jn->ijn", right1, right2).reshape(rank, width)
        return _thin(up, down)
    _check_room(height, width)
    whole = left1 @ right1
    for begin in range(0, height, _ROWS):
        whole[begin : begin + _ROWS] *= left2[begin : begin + _ROWS] @ right2
    return Delta("dense", (height, width), left=whole)


def _lokr(parts: Mapping[str, Array], dtype: Any) -> Delta:
    left, right = (_kron_factor(parts, one, dtype) for one in ("1", "2"))
    shape = (left.shape[0] * right.shape[0], left.shape[1] * right.shape[1])
    return Delta("kron", shape, left=left, right=right)


def _kron_factor(parts: Mapping[str, Array], one: str, dtype: Any) -> Array:
    whole = parts.get(f"lokr_w{one}")
    if whole is not None:
        return flat(whole).astype(dtype)
    a, b = parts[f"lokr_w{one}_a"].astype(dtype), parts[f"lokr_w{one}_b"].astype(dtype)
    core = parts.get(f"lokr_t{one}")
    if core is None:
        _check_room(a.shape[0], b.size // max(b.shape[0], 1))
        made: Array = flat(a) @ flat(b)
        return made
    kernel = core.size // max(core.shape[0] * core.shape[1], 1)
    _check_room(a.shape[-1] * kernel, b.size // max(b.shape[0], 1))
    return flat(np.einsum("ijhw,ip,jr->prhw", core.astype(dtype), a, b, optimize=True))


def _full(parts: Mapping[str, Array], dtype: Any) -> Delta:
    _check_room(parts["diff"].size, 1)
    whole = flat(parts["diff"]).astype(dtype)
    return Delta("dense", (whole.shape[0], whole.shape[1]), left=whole)


_Maker = Callable[[Mapping[str, Array], Any], Delta]
_LORA: dict[tuple[str, ...], _Maker] = {("down", "up"): _lora}
_FULL: dict[tuple[str, ...], _Maker] = {("diff",): _full}
# Method -> the roles it needs -> how they make ΔW.
_MAKERS: dict[str, dict[tuple[str, ...], _Maker]] = {
    "lora": _LORA,
    "dora": _LORA,
    "adalora": _LORA,
    "loha": {("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"): _loha},
    "lokr": {
        ("lokr_w1", "lokr_w2"): _lokr,
        ("lokr_w1", "lokr_w2_a", "lokr_w2_b"): _lokr,
        ("lokr_w1_a", "lokr_w1_b", "lokr_w2"): _lokr,
        ("lokr_w1_a", "lokr_w1_b", "lokr_w2_a", "lokr_w2_b"): _lokr,
    },
    "full": _FULL,
    "norm": _FULL,
}
