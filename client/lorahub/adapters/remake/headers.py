"""The metadata of a file that was made from others."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

RECIPE = "lorahub.recipe"
# Raise it when the same recipe makes other bytes: made files are kept by it.
MAKER = 1
# Hashes of the old tensors, and what the layouts write anew.
_STALE = frozenset(
    {"sshs_model_hash", "sshs_legacy_hash", "modelspec.hash_sha256", "format", RECIPE}
)
_VERSION = 1


def recipe(
    operation: str, sources: Sequence[Mapping[str, Any]], options: Mapping[str, Any]
) -> dict[str, Any]:
    """What was done to what; without a time, so that the same call makes the same bytes."""
    return {
        "version": _VERSION,
        "by": f"lorahub.adapters {MAKER}",
        "operation": operation,
        "sources": list(sources),
        "options": {name: value for name, value in options.items() if value is not None},
    }


def metadata(
    before: Mapping[str, str],
    made: Mapping[str, Any],
    data_sha256: str,
    *,
    ranks: Sequence[int],
    alphas: Sequence[float],
    kohya: bool,
) -> dict[str, str]:
    """The old metadata without what is no longer true, and with the recipe."""
    found = kept(before, made, data_sha256)
    found.pop("lora_adapter_metadata", None)
    if kohya or "ss_network_dim" in before:
        found.setdefault("ss_network_module", "networks.lora")
        found["ss_network_dim"] = _common(ranks)
        found["ss_network_alpha"] = _common(alphas)
    return dict(sorted(found.items()))


def kept(before: Mapping[str, str], made: Mapping[str, Any], data_sha256: str) -> dict[str, str]:
    """The same where ranks and layout stay as they were."""
    found = {key: value for key, value in before.items() if key not in _STALE}
    if "sshs_model_hash" in before:
        found["sshs_model_hash"] = data_sha256
    if "modelspec.hash_sha256" in before:
        found["modelspec.hash_sha256"] = f"0x{data_sha256}"
    found["format"] = "pt"
    found[RECIPE] = json.dumps(made, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return dict(sorted(found.items()))


def merged(sources: Sequence[Mapping[str, str]], names: Sequence[str]) -> dict[str, str]:
    """The first source's description of its model; training facts of one parent would be false."""
    first = sources[0]
    kept = {
        key: value
        for key, value in first.items()
        if key.startswith("modelspec.") or key in ("ss_base_model_version", "ss_v2")
    }
    if any(key.startswith("modelspec.") for key in kept):
        kept["modelspec.merged_from"] = ", ".join(names)
        kept.pop("modelspec.trigger_phrase", None)
    phrases = [source.get("modelspec.trigger_phrase", "") for source in sources]
    if any(phrases):
        kept["modelspec.trigger_phrase"] = ", ".join(phrase for phrase in phrases if phrase)
    return kept


def _common(values: Any) -> str:
    found = set(values)
    if len(found) != 1:
        return "Dynamic"
    value = found.pop()
    return str(int(value)) if float(value).is_integer() else str(value)
