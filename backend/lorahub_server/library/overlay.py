"""What adapter_config.json adds to the facts of the weights that it lies beside.

The same bytes may lie beside another configuration elsewhere, so this is kept for each file.
"""

import json
from typing import Any

from lorahub.adapters.families import families_of_words
from lorahub.adapters.metadata import base_model_hint, clean_text, number

CONFIG_NAME = "adapter_config.json"
MAX_BYTES = 256 * 1024
_TEXTS = ("base_model_name_or_path", "peft_type", "task_type", "revision", "bias", "peft_version")
_FLAGS = ("use_rslora", "use_dora", "lora_bias", "inference_mode")
_NUMBERS = ("r", "lora_alpha", "alpha", "lora_dropout")
_MAX_MODULES = 50
_SEVERAL = 2
_BY_CARD = "the card's base_model"


def read_config(data: bytes) -> dict[str, Any] | None:
    """Return the fields that the hub uses, each checked; None for what is no configuration."""
    try:
        found = json.loads(data) if len(data) <= MAX_BYTES else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    kept: dict[str, Any] = {
        name: clean_text(found[name], 200) for name in _TEXTS if isinstance(found.get(name), str)
    }
    kept |= {name: found[name] for name in _FLAGS if isinstance(found.get(name), bool)}
    if "base_model_name_or_path" in kept:
        # A path on somebody's disk is cut to its last part.
        kept["base_model_name_or_path"] = base_model_hint({}, kept) or ""
    for name in _NUMBERS:
        value = number(found.get(name))
        if value is not None:
            kept[name] = value
    for name in ("target_modules", "modules_to_save"):
        kept |= _modules(name, found.get(name))
    return kept


def with_config(summary: dict[str, Any], config: dict[str, Any] | None) -> dict[str, Any]:
    """Return the summary with what the configuration knows better or alone."""
    facts = dict(summary)
    if not config:
        return facts
    alpha = config.get("lora_alpha", config.get("alpha"))
    if alpha is not None:
        facts["alpha"] = alpha
    if config.get("base_model_name_or_path"):
        facts["base_model_hint"] = config["base_model_name_or_path"]
    if config.get("task_type"):
        facts["task_type"] = config["task_type"]
    if facts.get("method") == "lora" and config.get("use_dora") is True:
        facts["method"] = "dora"
    flags = [name for name in ("use_rslora", "use_dora", "lora_bias") if config.get(name) is True]
    flags += ["modules_to_save"] if config.get("modules_to_save") else []
    if flags:
        facts["traits"] = sorted({*_list(facts.get("traits")), *flags})
    _choose_family(facts, config)
    return facts


def with_declared(summary: dict[str, Any], declared: str | None) -> dict[str, Any]:
    """Return the summary with the family that the card declares, if the weights leave it open."""
    facts = dict(summary)
    if declared is not None and facts.get("family_confidence") == "low":
        _choose(facts, [declared], _BY_CARD)
    return facts


def without_declared(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the facts as unsure of the family as the weights are, whatever the card declares."""
    if _BY_CARD in _list(facts.get("family_evidence")):
        return {**facts, "family_confidence": "low"}
    return facts


def _choose_family(facts: dict[str, Any], config: dict[str, Any]) -> None:
    """Let the base model's name decide between families that share every shape."""
    named = families_of_words(str(config.get("base_model_name_or_path") or ""))
    if facts.get("family_confidence") == "high" or not named:
        return
    source = f"{CONFIG_NAME} base_model_name_or_path"
    if not _choose(facts, named, source) and not facts.get("family"):
        facts["family"], facts["family_candidates"] = named[0], [named[0]]
        _add_evidence(facts, source)


def _choose(facts: dict[str, Any], named: list[str], source: str) -> bool:
    """Take the first of several candidates that is named; False when none is."""
    candidates = _list(facts.get("family_candidates"))
    fitting = [name for name in named if name in candidates]
    if not fitting or len(candidates) < _SEVERAL:
        return False
    facts["family"], facts["family_confidence"] = fitting[0], "medium"
    _add_evidence(facts, source)
    return True


def _add_evidence(facts: dict[str, Any], source: str) -> None:
    evidence = _list(facts.get("family_evidence"))
    facts["family_evidence"] = evidence if source in evidence else [*evidence, source]


def _modules(name: str, value: object) -> dict[str, Any]:
    if isinstance(value, str):
        return {name: clean_text(value, 200)}
    if isinstance(value, list) and value:
        return {name: [clean_text(m, 100) for m in value[:_MAX_MODULES] if isinstance(m, str)]}
    return {}


def _list(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
