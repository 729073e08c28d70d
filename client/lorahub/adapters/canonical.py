"""One name for each weight that an adapter changes, whatever its file calls it.

Files of different layouts that change the same weights get the same names, and fused projections
(q, k and v in one) are taken apart, so that what they do can be compared.
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from lorahub.adapters.delta import Delta, rows
from lorahub.adapters.modules import Module
from lorahub.adapters.remake.naming import scheme_for
from lorahub.adapters.remake.naming.rules import Place

_TEXT = "text_encoder"
_MATRIX = 2
# Tools call the same thing by these; only text encoders are told apart.
_BACKBONES = frozenset({"unet", "transformer", "model", "prior", "dit"})
_SPELLINGS = (
    (re.compile(r"_processor_(to_[qkv]|to_out|add_[qkv]_proj|to_add_out)_lora$"), r"_\1"),
    (re.compile(r"_to_out$"), "_to_out_0"),
)


@dataclass(frozen=True, slots=True)
class Piece:
    """`name` is canonical; `begin` and `end` are the rows of the file's module, None for all;
    `swapped` says that the halves of the rows change places.
    """

    name: str
    begin: int | None = None
    end: int | None = None
    swapped: bool = False

    def cut(self, delta: Delta) -> Delta:
        """The part of the module's ΔW that changes this weight."""
        if self.begin is not None and self.end is not None:
            delta = rows(delta, self.begin, self.end)
        if self.swapped and delta.form in ("thin", "dense") and delta.left is not None:
            half = delta.shape[0] // 2
            delta = replace(delta, left=np.roll(delta.left, half, axis=0))
        return delta


def pieces_of(module: Module, family: str | None) -> list[Piece]:
    """The weights that a module changes."""
    return list(_pieces(family or "", module.component, module.path, _size(module)))


def is_text(name: str) -> bool:
    """Whether a canonical name belongs to a text encoder."""
    return name.startswith(_TEXT)


def _size(module: Module) -> tuple[int, int] | None:
    if module.shape is None or len(module.shape) < _MATRIX:
        return None
    return module.shape[0], int(np.prod(module.shape[1:]))


@lru_cache(maxsize=8192)
def _pieces(
    family: str, component: str, path: str, size: tuple[int, int] | None
) -> tuple[Piece, ...]:
    scheme = scheme_for(family)
    known = scheme.read(component, path) if scheme else None
    if known is None:
        return (Piece(_name(component, path)),)
    component, place = known
    if place.piece is not None:
        return (Piece(_name(component, place.pieces[place.piece])),)
    return _split(component, place, size)


def _split(component: str, place: Place, size: tuple[int, int] | None) -> tuple[Piece, ...]:
    names = [_name(component, piece) for piece in place.pieces]
    sizes = place.rule.sizes(*size) if size else None
    if size is None or sizes is None or len(sizes) != len(names):
        return (Piece(_name(component, place.original)),)
    if len(names) == 1:
        return (Piece(names[0], swapped=place.rule.swapped(*size)),)
    found = []
    at = 0
    for name, height in zip(names, sizes, strict=True):
        found.append(Piece(name, at, at + height))
        at += height
    return tuple(found)


def _name(component: str, path: str) -> str:
    flat = path.replace(".", "_")
    for pattern, plain in _SPELLINGS:
        flat = pattern.sub(plain, flat)
    head = "base" if component in _BACKBONES else component
    if head.startswith(_TEXT) and flat.startswith("encoder_layers_"):
        flat = f"text_model_{flat}"
    return f"{head}.{flat}"
