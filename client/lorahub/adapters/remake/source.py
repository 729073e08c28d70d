"""An adapter opened to be remade: its modules under canonical names, loaded one at a time."""

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from lorahub.adapters.arrays import Array, Tensors, open_tensors
from lorahub.adapters.config import AdapterConfig, beside, read_config
from lorahub.adapters.delta import load_delta, thin
from lorahub.adapters.errors import AdapterFileError, shown
from lorahub.adapters.limits import MAX_ALPHA
from lorahub.adapters.modules import Module, read_alpha, read_modules, scale_of
from lorahub.adapters.remake.casting import PRECISION
from lorahub.adapters.remake.factors import Factors, split, swap_halves
from lorahub.adapters.remake.files import find_files
from lorahub.adapters.remake.naming import Name, Scheme
from lorahub.adapters.remake.naming.rules import Place
from lorahub.adapters.summary import Summary, summarise

# Two factors and no more.
PLAIN = frozenset({"lora", "dora"})
# What has a product that two factors can say, at some rank.
PRODUCTS = frozenset({*PLAIN, "adalora", "loha", "lokr", "full"})
_BIAS_BY_ITSELF = ".diff_b"
_HASH_PIECE = 4 * 1024 * 1024


@dataclass(slots=True)
class Part:
    """One file of an adapter. `component` is the folder's name where that tells."""

    path: Path
    tensors: Tensors
    config: AdapterConfig | None
    fields: Mapping[str, Any]
    modules: list[Module]
    summary: Summary
    component: str | None = None

    @property
    def sha256(self) -> str:
        digest = hashlib.sha256()
        with self.path.open("rb") as file:
            while piece := file.read(_HASH_PIECE):
                digest.update(piece)
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a canonical module is: a whole module of a file, or the `piece`-th part of one."""

    part: Part
    module: Module
    place: Place | None = None
    piece: int | None = None


@dataclass(slots=True)
class Source:
    """Close it, or use it in a `with`.

    `others`: modules that are no two factors. `unknown`: modules whose name is not in the family's
    vocabulary. `extras`: tensors that belong to no module.
    """

    parts: list[Part]
    scheme: Scheme | None
    entries: dict[Name, Entry] = field(default_factory=dict)
    others: list[tuple[Part, Module]] = field(default_factory=list)
    unknown: list[Module] = field(default_factory=list)
    extras: list[tuple[Part, str]] = field(default_factory=list)
    _recent: dict[str, Factors] = field(default_factory=dict)

    @property
    def layout(self) -> str:
        return self.parts[0].summary.layout

    @property
    def metadata(self) -> Mapping[str, str]:
        return self.parts[0].tensors.header.metadata

    def load(self, name: Name) -> Factors:
        """The factors of a canonical module. Raises AdapterFileError."""
        entry = self.entries[name]
        whole = self.load_module(entry.part, entry.module)
        if entry.place is None or entry.piece is None:
            return whole
        rule = entry.place.rule
        if len(entry.place.pieces) > 1:
            sizes = rule.sizes(whole.height, whole.width)
            if sizes is None:
                raise AdapterFileError(
                    "unexpected_shape",
                    f"{shown(entry.module.name)} has {whole.height} rows, which its parts do not "
                    "share out.",
                    hint="Is it an adapter of another model? Name the right one with --family.",
                    key=entry.module.name,
                )
            return split(whole, sizes)[entry.piece]
        return swap_halves(whole) if rule.swapped(whole.height, whole.width) else whole

    def load_module(self, part: Part, module: Module) -> Factors:
        """The factors of a module of the file as it stands there."""
        key = f"{part.path}:{module.name}"
        found = self._recent.get(key)
        if found is None:
            found = _finite(_load(part.tensors, module), module)
            # The parts of a fused module are asked for one after the other.
            if len(self._recent) > 1:
                self._recent.pop(next(iter(self._recent)))
            self._recent[key] = found
        return found

    def close(self) -> None:
        self._recent.clear()
        for part in self.parts:
            part.tensors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _finite(factors: Factors, module: Module) -> Factors:
    """Nothing can be proven of numbers that are none."""
    sides = factors.flat
    if not np.isfinite(factors.scale) or not all(np.isfinite(side).all() for side in sides):
        raise AdapterFileError(
            "not_finite",
            f"{shown(module.name)} has NaN or infinite numbers: nothing sound can be made of it.",
            hint="Take an earlier save of the training.",
            key=module.name,
        )
    return factors


def open_parts(path: Path, config: Mapping[str, Any] | None = None) -> list[Part]:
    """The files of an adapter: one, or one for each component. Raises AdapterFileError, OSError."""
    return [_part(file, config, component) for file, component in find_files(path)]


def make_source(
    parts: list[Part], scheme: Scheme | None, *, methods: frozenset[str] = PLAIN
) -> Source:
    """`scheme` None keeps the names that the file has. `methods` are what counts as factors."""
    if any(part.fields.get("layer_replication") for part in parts):
        raise AdapterFileError(
            "layer_replication",
            "The adapter is for a model whose layers are repeated (layer_replication), which no "
            "other form can say.",
            hint="Use it with PEFT as it is; --dtype alone works.",
            key="layer_replication",
        )
    source = Source(parts, scheme)
    for part in parts:
        taken: set[str] = set()
        for module in part.modules:
            taken.update(module.factors.values())
            if module.method not in methods or not _has_product(module):
                source.others.append((part, module))
                continue
            _enter(source, part, module)
        source.extras += [(part, key) for key in part.tensors.header.tensors if key not in taken]
    return source


def _enter(source: Source, part: Part, module: Module) -> None:
    if source.scheme is None:
        names = [(Name(module.component, module.path), Entry(part, module))]
    else:
        component = part.component if module.component == "model" else None
        read = source.scheme.read(component or module.component, module.path)
        if read is None:
            source.unknown.append(module)
            return
        where, place = read
        names = [(Name(where, path), entry) for path, entry in _pieces(part, module, place)]
    for name, entry in names:
        if name in source.entries:
            raise AdapterFileError(
                "name_clash",
                f"{shown(module.name)} and {shown(source.entries[name].module.name)} are the same "
                "module of the model.",
                hint="Remove one of them.",
                key=module.name,
            )
        source.entries[name] = entry


def _pieces(part: Part, module: Module, place: Place) -> Iterator[tuple[str, Entry]]:
    if place.piece is not None:
        yield place.pieces[place.piece], Entry(part, module)
        return
    for index, path in enumerate(place.pieces):
        yield path, Entry(part, module, place, index)


def _has_product(module: Module) -> bool:
    roles = module.factors.keys()
    if module.method in PLAIN:
        return {"down", "up"} <= roles
    return module.method != "full" or ("diff" in roles and len(module.shape or ()) > 1)


def _part(path: Path, config: Mapping[str, Any] | None, component: str | None) -> Part:
    fields = config
    if fields is None:
        fields, refused = beside(path)
        if refused:
            raise refused
    tensors = open_tensors(path)
    try:
        checked = read_config(fields) if fields else None
        modules = read_modules(tensors.header, checked)
        summary = summarise(tensors.header, fields)
    except BaseException:
        tensors.close()
        raise
    return Part(path, tensors, checked, fields or {}, modules, summary, component)


def _load(tensors: Tensors, module: Module) -> Factors:
    scale = _scale(tensors, module)
    infos = tensors.header.tensors
    stored = [infos[key].dtype for role, key in module.factors.items() if role != "alpha"]
    dtype = min(stored, key=lambda name: PRECISION.get(name, 1.0))
    if module.method in PLAIN and "mid" not in module.factors and module.groups == 1:
        up, down = tensors[module.factors["up"]], tensors[module.factors["down"]]
    else:
        up, down, scale = _product(tensors, module, scale, dtype)
    if up.shape[1] != down.shape[0]:
        raise AdapterFileError(
            "rank_mismatch",
            f"{shown(module.name)} has rank {down.shape[0]} in one factor and {up.shape[1]} in the "
            "other.",
            hint="The file is damaged: save the adapter again.",
            key=module.name,
        )
    return Factors(
        up,
        down,
        scale,
        dtype,
        magnitude=_magnitude(tensors, module, up.shape[0]),
        bias=_bias(tensors, module, scale),
        embedding=module.kind == "embedding",
    )


def _scale(tensors: Tensors, module: Module) -> float:
    alpha = read_alpha(module, tensors)
    scale = scale_of(module, alpha)
    if scale is None:
        raise AdapterFileError(
            "scale_unknown",
            f"Nothing says how strong {shown(module.name)} is: the file has no alpha for it.",
            hint="Put the adapter_config.json that belongs to the weights beside them.",
            key=module.name,
        )
    if alpha == 0 and module.scale_rule != "1":
        raise AdapterFileError(
            "alpha_zero",
            f"The alpha of {shown(module.name)} is 0, which some tools read as no effect and "
            "others as full strength.",
            hint="Set alpha to the number that was meant, then try again.",
            key=module.name,
        )
    if not math.isfinite(scale) or abs(scale) > MAX_ALPHA:
        raise AdapterFileError(
            "bad_alpha",
            f"The alpha of {shown(module.name)} is no finite number of a sensible size.",
            hint="Save the adapter again with the alpha that it was trained with.",
            key=module.name,
        )
    return scale


def _product(
    tensors: Tensors, module: Module, scale: float, dtype: str
) -> tuple[Array, Array, float]:
    """Other methods, and LoRA that is stored in a roundabout way, as two plain factors."""
    wide = np.float64 if dtype in ("F64", "F32") else np.float32
    delta = load_delta(module, tensors, wide)
    if delta.form == "thin":
        up, down = delta.factors
        scale = delta.scale
    else:
        up, down = thin(delta, wide)
        scale = 1.0
    kernel = (module.shape or ())[2:]
    if kernel:
        up = up.reshape(*up.shape, *(1 for _ in kernel))
        down = down.reshape(down.shape[0], -1, *kernel)
    return up, down, scale


def _magnitude(tensors: Tensors, module: Module, height: int) -> Array | None:
    key = module.factors.get("dora")
    if key is None:
        if module.method == "dora":
            raise AdapterFileError(
                "magnitude_missing",
                f"{shown(module.name)} should be a DoRA but has no magnitudes.",
                hint="Save the adapter again.",
                key=module.name,
            )
        return None
    found = tensors[key]
    shapes = {(height,), (height, 1), (height, 1, 1, 1)}
    if not key.endswith("dora_scale"):
        shapes.add((1, height, 1, 1))  # PEFT's, for convolutions
    if found.shape not in shapes:
        raise AdapterFileError(
            "magnitude_of_columns",
            f"The DoRA magnitudes of {shown(module.name)} belong to columns; only LyCORIS keeps "
            "them so.",
            hint="Change only the dtype, or train again with wd_on_output.",
            key=key,
        )
    return found.reshape(-1)


def _bias(tensors: Tensors, module: Module, scale: float) -> Array | None:
    key = module.factors.get("bias")
    if key is None:
        return None
    found = tensors[key].reshape(-1)
    # PEFT's bias sits inside the layer that is scaled, the others' beside it.
    if key.endswith(_BIAS_BY_ITSELF) or scale == 1.0:
        return found
    scaled: Array = found.astype(np.float64) * scale
    return scaled
