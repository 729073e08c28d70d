"""What trainers wrote into the header: training facts, the base model's name.

Every value is a stranger's string: parsed within bounds, never trusted, cut to a displayable size.
"""

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from lorahub.adapters import limits

_NUMBERS = (
    "steps", "max_train_steps", "epoch", "num_epochs", "learning_rate", "unet_lr",
    "text_encoder_lr", "network_dim", "network_alpha", "network_dropout", "lr_warmup_steps",
    "total_batch_size", "batch_size_per_device", "gradient_accumulation_steps", "seed",
    "num_train_images", "num_reg_images", "clip_skip", "noise_offset", "min_snr_gamma",
    "training_started_at", "training_finished_at", "scale_weight_norms", "guidance_scale",
    "discrete_flow_shift", "caption_dropout_rate", "max_token_length",
)  # fmt: skip
_TEXTS = (
    "resolution", "optimizer", "lr_scheduler", "network_module", "mixed_precision", "loss_type",
    "sd_model_name", "base_model_version", "output_name", "timestep_sampling", "v2",
)  # fmt: skip
_SPEC_TEXTS = (
    "architecture", "title", "author", "date", "license", "resolution", "prediction_type",
)  # fmt: skip
MAX_WORD = 100
_EXACT = 2**53
_MAX_PATH_PARTS = 2
NO_WORDS = frozenset({"none", "", "null", "unknown", "undefined", "n/a", "img", "image", "images"})


def clean_text(text: str, limit: int = limits.MAX_TEXT) -> str:
    """`text` on one line, without invisible characters, at most `limit` characters."""
    visible = "".join(char if char.isprintable() else " " for char in text[: limit * 4])
    return " ".join(visible.split())[:limit]


def bounded_json(text: str) -> Any:
    """The JSON value in `text`, or None when it is broken, too large or too deep."""
    if (
        len(text) > limits.MAX_NESTED_JSON_CHARS
        or text.count("{") + text.count("[") > limits.MAX_NESTED_JSON_CONTAINERS
        or text.count(",") > limits.MAX_NESTED_JSON_ITEMS
    ):
        return None
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def number(value: object) -> float | int | None:
    """A finite number from a metadata value or a configuration field, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, str) and len(value) > MAX_WORD:
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(found):
        return None
    return int(found) if found.is_integer() and abs(found) < _EXACT else found


def training_facts(metadata: Mapping[str, str]) -> dict[str, object]:
    """The training facts worth showing, under their names without `ss_`. A fixed list of keys."""
    facts: dict[str, object] = {}
    for name in _NUMBERS:
        value = number(metadata.get(f"ss_{name}"))
        if value is not None:
            facts[name] = value
    for name in _TEXTS:
        text = model_name(metadata.get(f"ss_{name}", ""))
        if text:
            facts[name] = text
    for name in _SPEC_TEXTS:
        text = clean_text(metadata.get(f"modelspec.{name}", ""))
        if text:
            facts[f"modelspec.{name}"] = text
    arguments = bounded_json(metadata.get("ss_network_args", ""))
    algorithm = arguments.get("algo") if isinstance(arguments, dict) else None
    if isinstance(algorithm, str):
        facts["algorithm"] = clean_text(algorithm, MAX_WORD)
    info = bounded_json(metadata.get("training_info", ""))
    for name in ("step", "epoch") if isinstance(info, dict) else ():
        value = number(info.get(name))
        if value is not None:
            facts.setdefault("steps" if name == "step" else name, value)
    return facts


def base_model_hint(metadata: Mapping[str, str], config: Mapping[str, object]) -> str | None:
    """What the file says its base model is; never a path on the trainer's disk."""
    declared = config.get("base_model_name_or_path")
    if isinstance(declared, str) and model_name(declared):
        return model_name(declared)
    for key in (
        "ss_sd_model_name",
        "ss_base_model",
        "modelspec.architecture",
        "ss_base_model_version",
    ):
        text = model_name(metadata.get(key, ""))
        if text:
            return text
    return None


def model_name(text: str) -> str:
    """`owner/name` stays; of a path on somebody's disk only the last part does (it may hold the
    name of its user).
    """
    cleaned = clean_text(text)
    if cleaned.lower() in NO_WORDS:
        return ""
    parts = re.split(r"[\\/]", cleaned.rstrip("\\/"))
    if len(parts) > _MAX_PATH_PARTS or parts[0] in ("", ".", "..", "~") or "\\" in cleaned:
        return parts[-1].strip()
    return cleaned


def component_config(metadata: Mapping[str, str]) -> dict[str, object]:
    """The `lora_adapter_metadata` of diffusers: flat fields such as `unet.lora_alpha`."""
    value = bounded_json(metadata.get("lora_adapter_metadata", ""))
    return value if isinstance(value, dict) else {}
