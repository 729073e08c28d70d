"""The configuration that goes with the weights: adapter_config.json, or its twin in the header."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any

from lorahub.adapters.config import AdapterConfig
from lorahub.adapters.remake.encode import clean
from lorahub.adapters.remake.factors import Factors

# Fields of an uploader's configuration that only describe; nothing in them is followed.
_CLIP = "text_model."
_LAYERS = "encoder.layers."
_KEPT_TEXTS = ("base_model_name_or_path", "revision", "task_type")


@dataclass(frozen=True, slots=True)
class Written:
    """A module that was written: what the configuration must say about it."""

    path: str
    rank: int
    scale: float
    magnitude: bool
    bias: bool

    @classmethod
    def of(cls, path: str, factors: Factors) -> "Written":
        return cls(
            path,
            factors.rank,
            factors.scale,
            factors.magnitude is not None,
            factors.bias is not None,
        )


def peft_fields(
    written: list[Written], before: AdapterConfig | None, targets: Sequence[str]
) -> dict[str, Any]:
    """An adapter_config.json. `before` is the source's, `targets` are its target modules where
    they hold for what was written too.
    """
    rslora = before is not None and before.use_rslora
    made = _numbers(written, rslora=rslora)
    made |= {
        "peft_type": "LORA",
        "target_modules": targets or _targets([each.path for each in written]),
        "bias": "none",
        "lora_dropout": 0.0,
        "inference_mode": True,
        "init_lora_weights": True,
        "fan_in_fan_out": bool(before and before.fan_in_fan_out),
        "base_model_name_or_path": None,
        "task_type": None,
    }
    if before is not None:
        made |= {name: before.texts[name] for name in _KEPT_TEXTS if name in before.texts}
        if before.modules_to_save:
            made["modules_to_save"] = list(before.modules_to_save)
        made["lora_dropout"] = before.numbers.get("lora_dropout", 0.0)
    return made


def header_fields(written: list[Written]) -> dict[str, Any]:
    """The fields that diffusers reads from the header for one component."""
    # transformers 5 has no text_model in CLIP's names, version 4 has: the rest fits both.
    bare = [replace(each, path=each.path.removeprefix(_CLIP)) for each in written]
    made = _numbers(bare, rslora=False)
    made["target_modules"] = sorted(each.path for each in bare)
    return made


def needs_header(written: list[Written]) -> bool:
    """Whether diffusers would read ranks or scales wrongly without being told."""
    return len({each.rank for each in written}) > 1 or any(each.scale != 1.0 for each in written)


def as_text(fields: Mapping[str, Any], *, indent: int | None = None) -> str:
    return json.dumps(fields, indent=indent, sort_keys=True, ensure_ascii=False)


def _numbers(written: list[Written], *, rslora: bool) -> dict[str, Any]:
    alphas = {
        each.path: clean(each.scale * (sqrt(each.rank) if rslora else each.rank))
        for each in written
    }
    rank = Counter(each.rank for each in written).most_common(1)[0][0]
    alpha = Counter(alphas[each.path] for each in written if each.rank == rank).most_common(1)[0][0]
    return {
        "r": rank,
        "lora_alpha": _plain(alpha),
        "rank_pattern": {_anchored(e.path): e.rank for e in written if e.rank != rank},
        "alpha_pattern": {
            _anchored(path): _plain(value) for path, value in alphas.items() if value != alpha
        },
        "use_rslora": rslora,
        "use_dora": any(each.magnitude for each in written),
        "lora_bias": any(each.bias for each in written),
    }


def _plain(value: float) -> float | int:
    return int(value) if value.is_integer() else value


def _anchored(path: str) -> str:
    """A pattern that fits this module and no other; PEFT reads the keys as regular expressions."""
    return ("" if path.startswith(_LAYERS) else "^") + re.escape(path)


def _targets(paths: list[str]) -> list[str] | str:
    """PEFT takes a listed name for the end of a path. A name without a dot would then also stand
    for modules deeper down, so such lists become one pattern for whole paths.
    """
    if all("." in path for path in paths):
        return sorted(paths)
    return "|".join(re.escape(path) for path in sorted(paths))
