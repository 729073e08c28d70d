"""Modules as the numbers see them: which tensors are the factors, which number scales them.

Layouts spell names in many ways; here a factor has one role whatever the file calls it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lorahub.adapters.config import AdapterConfig, component_configs
from lorahub.adapters.layouts import Layout, read_layout
from lorahub.adapters.layouts import Module as Found
from lorahub.adapters.tensors import TensorInfo

if TYPE_CHECKING:
    from lorahub.adapters.arrays import Tensors
    from lorahub.adapters.container import Header

# How the product of the factors is scaled.
BY_RANK = "alpha/r"
BY_ROOT = "alpha/sqrt(r)"
BY_ADALORA = "alpha/(r+1e-5)"
ONE = "1"
NONE = "none"

# Roles of the layouts -> roles here, for each method; others keep their names.
_ROLES = {
    "loha": "hada_",
    "lokr": "lokr_",
}
_FACTORS = frozenset({"w1", "w1_a", "w1_b", "w2", "w2_a", "w2_b", "t1", "t2"})
_RENAMED = {"embedding_down": "down", "embedding_up": "up", "magnitude": "dora"}
# Without alpha, these tools take the product as it is; the others divide what the configuration
# says, and without one nobody knows.
_UNSCALED = frozenset({"full", "norm", "trainable-tokens"})
_SCALED = frozenset({"lora", "dora", "loha", "lokr", "glora", "hira", "adalora"})
_MATRIX = 2


@dataclass(frozen=True, slots=True)
class Module:
    """One adapted module.

    `name` is spelled as in the file, prefix included; `path` is without the tool's prefix.
    `kind`: "linear", "conv", "embedding", "norm", "prompt" or "other".
    `method`: "lora", "dora", "loha", "lokr", "adalora", "oft", "boft", "ia3", "full", "norm", ...
    `factors`: role -> tensor name. Roles: "down", "up", "mid", "dora", "bias", "alpha", "scale"
    (AdaLoRA's E), "hada_w1_a", ..., "hada_t1", "lokr_w1", ..., "lokr_t2", "diff", "blocks", ...
    `shape` is (out, in, *kernel) of the product, None if the factors alone do not tell. For an
    embedding the product is the transpose of the change to its table; `transposed` says the same of
    a base layer that stores its weight as (in, out).
    `alpha_key` names the tensor that holds alpha; without one, `alpha` is the declared number.
    `scale_rule` is one of the constants above; "1" means that the product is taken as it is,
    "none" that no scale is known or used. `groups`: more than 1 for merged projections whose
    factor is shared out between groups.
    """

    name: str
    path: str
    component: str
    kind: str
    method: str
    factors: Mapping[str, str]
    rank: int | None
    shape: tuple[int, ...] | None
    scale_rule: str
    alpha_key: str | None = None
    alpha: float | None = None
    transposed: bool = False
    groups: int = 1

    @property
    def parameters_of_base(self) -> int | None:
        """How many numbers the adapted weight of the base model has."""
        return math.prod(self.shape) if self.shape else None


def read_modules(header: "Header", config: AdapterConfig | None = None) -> list[Module]:
    """The modules of a file in the order of its data. Raises AdapterFileError("not_an_adapter").

    Without `config`, what diffusers wrote into the header serves as one.
    """
    layout = read_layout(header.tensors)
    embedded = {} if config else component_configs(header.metadata)
    return [
        _module(found, layout, config or embedded.get(found.component))
        for found in layout.modules.values()
    ]


def read_alpha(module: Module, tensors: "Tensors") -> float | None:
    """Alpha as programs use it: the stored number, else the declared one."""
    if module.alpha_key is not None:
        return tensors.scalar(module.alpha_key)
    return module.alpha


def scale_of(module: Module, alpha: float | None) -> float | None:
    """The number that the product of the factors is multiplied with; None if nobody can know."""
    if module.scale_rule == ONE:
        return 1.0
    if module.scale_rule == NONE or alpha is None or not module.rank:
        return None
    if module.scale_rule == BY_ROOT:
        return alpha / math.sqrt(module.rank)
    if module.scale_rule == BY_ADALORA:
        return (alpha if alpha > 0 else module.rank) / (module.rank + 1e-5)
    return alpha / module.rank


def _module(found: Found, layout: Layout, config: AdapterConfig | None) -> Module:
    method = _method(found, config)
    alpha_key = found.keys.get("alpha")
    rank = _rank(found, method, config)
    alpha = None
    if alpha_key is None and config is not None and method in _SCALED:
        alpha = config.alpha_of(found.path)
    return Module(
        name=found.name,
        path=found.path,
        component=found.component,
        kind=_kind(found, method),
        method=method,
        factors={_role(role, method): key for role, key in found.keys.items()},
        rank=rank,
        shape=_shape(found, method),
        scale_rule=_rule(found, method, layout, config, alpha=alpha, rank=rank),
        alpha_key=alpha_key,
        alpha=alpha,
        transposed=bool(config and config.fan_in_fan_out),
        groups=_groups(found),
    )


def _method(found: Found, config: AdapterConfig | None) -> str:
    if "magnitude" in found.parts or (found.algorithm == "lora" and config and config.use_dora):
        return "dora" if found.algorithm in ("lora", "dora") else found.algorithm
    return found.algorithm


def _role(role: str, method: str) -> str:
    if role in _FACTORS:
        return _ROLES.get(method, "") + role
    return _RENAMED.get(role, role)


def _rule(
    found: Found,
    method: str,
    layout: Layout,
    config: AdapterConfig | None,
    *,
    alpha: float | None,
    rank: int | None,
) -> str:
    if method not in _SCALED:
        return ONE if method in _UNSCALED else NONE
    if {"w1", "w2"} <= found.parts.keys() and layout.name != "peft":
        # Both factors whole: there is no rank, and ComfyUI and LyCORIS take them as they are.
        return ONE
    if method == "adalora":
        return BY_ADALORA if alpha is not None else NONE
    if "alpha" in found.parts:
        return BY_RANK
    if alpha is not None and rank:
        return BY_ROOT if config and config.use_rslora else BY_RANK
    # A PEFT adapter cannot be scaled without its configuration. Elsewhere no alpha means one.
    return NONE if layout.name == "peft" else ONE


def _rank(found: Found, method: str, config: AdapterConfig | None) -> int | None:
    rank = found.rank
    if rank is not None:
        return rank // _groups(found)
    if method == "lokr" and config is not None:
        return config.rank_of(found.path)
    return None


def _groups(found: Found) -> int:
    """More than one when a merged projection shares one stack of down factors between groups."""
    down, up = found.parts.get("down"), found.parts.get("up")
    if down is None or up is None or min(len(down.shape), len(up.shape)) < _MATRIX:
        return 1
    rank, inner = down.shape[0], up.shape[1]
    return rank // inner if rank > inner and rank % inner == 0 else 1


def _kind(found: Found, method: str) -> str:
    if method in ("norm", "ln-tuning"):
        return "norm"
    for role, kind in (("embedding_down", "embedding"), ("prompt", "prompt")):
        if role in found.parts:
            return kind
    down = found.parts.get("down") or found.parts.get("diff")
    shape = down.shape if down else _shape(found, method)
    if found.parts.keys() & {"mid", "t1", "t2"} or (shape and len(shape) > _MATRIX):
        return "conv"
    return "linear" if shape else "other"


def _shape(found: Found, method: str) -> tuple[int, ...] | None:
    parts = found.parts
    if "diff" in parts:
        return parts["diff"].shape or None
    if method == "loha":
        return _hadamard(parts)
    if method == "lokr":
        return _kronecker(parts)
    down, up = parts.get("down"), parts.get("up")
    if down is None or up is None:
        down, up = parts.get("embedding_down"), parts.get("embedding_up")
    if down is None or up is None or min(len(down.shape), len(up.shape)) < _MATRIX:
        return None
    mid = parts.get("mid")
    return (up.shape[0], down.shape[1], *(mid.shape[2:] if mid else down.shape[2:]))


def _hadamard(parts: Mapping[str, TensorInfo]) -> tuple[int, ...] | None:
    left, right, core = parts.get("w1_a"), parts.get("w1_b"), parts.get("t1")
    if left is None or right is None or len(left.shape) != _MATRIX or len(right.shape) != _MATRIX:
        return None
    if core is not None:
        return (left.shape[1], right.shape[1], *core.shape[2:])
    return (left.shape[0], right.shape[1])


def _kronecker(parts: Mapping[str, TensorInfo]) -> tuple[int, ...] | None:
    """The shape of w1 times that of w2; a kernel belongs to w2."""
    sizes: list[tuple[int, ...]] = []
    for factor in ("w1", "w2"):
        whole, left, right = (parts.get(f"{factor}{end}") for end in ("", "_a", "_b"))
        core = parts.get(f"t{factor[1]}")
        if whole is not None:
            sizes.append(whole.shape)
        elif left is None or right is None or min(len(left.shape), len(right.shape)) < _MATRIX:
            return None
        elif core is not None:
            sizes.append((left.shape[1], right.shape[1], *core.shape[2:]))
        else:
            sizes.append((left.shape[0], right.shape[1]))
    first, second = sizes
    if min(len(first), len(second)) < _MATRIX:
        return None
    return (first[0] * second[0], first[1] * second[1], *second[2:])
