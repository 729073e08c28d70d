"""Where a header or a configuration says another rank or alpha than the weights have, and where
the configuration names another method. Programs follow the weights.
"""

import math
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from lorahub.adapters.config import AdapterConfig, component_configs
from lorahub.adapters.metadata import bounded_json, number
from lorahub.adapters.summary import Summary

# Others count in blocks or fold their alpha away.
_PLAIN = frozenset({"lora", "locon", "dora"})
# Alphas are stored in half precision too.
_CLOSE = 0.01
# The methods that a peft_type's tensors are told as, where that is not its own name.
_METHODS = {
    "LORA": _PLAIN,
    "XLORA": _PLAIN,
    "SUPERTUNING": _PLAIN | {"supertuning"},
    "ADALORA": _PLAIN | {"adalora"},
    "OFT": {"oft", "boft"},
    "BOFT": {"oft", "boft"},
}
# Of the tensors of other types too little is known here to say that they are another's.
_TOLD_APART = frozenset({"LORA", "ADALORA", "LOHA", "LOKR", "OFT", "BOFT", "IA3", "VERA"})


class Differs(NamedTuple):
    """`field` as the file has it, what it says, and what the weights have."""

    field: str
    says: str
    weights: str


def differing(
    metadata: Mapping[str, str],
    summary: Summary,
    config: AdapterConfig | None,
    ranks: Collection[int],
    alphas: Collection[float],
) -> list[Differs]:
    """Numbers that no module has. `ranks` and `alphas` are those of the weights, as far as they
    are known.
    """
    if summary.method not in _PLAIN:
        return []
    found = [_against("ss_network_dim", number(metadata.get("ss_network_dim")), ranks)]
    alpha = number(metadata.get("ss_network_alpha"))
    # An alpha of zero stands for the rank, and rsLoRA is stored as another alpha.
    if alpha and not _is_rslora(metadata):
        found.append(_against("ss_network_alpha", alpha, alphas))
    configs = {f"lora_adapter_metadata {name}.r": c for name, c in _embedded(metadata)}
    if config is not None and summary.layout == "peft":
        configs["adapter_config.json r"] = config
    for field, each in configs.items():
        declared = {each.rank, *each.rank_pattern.values()}
        if each.peft_type == "LORA" and each.rank and ranks and not declared & set(ranks):
            found.append(Differs(field, f"{each.rank}", _spread(ranks)))
    return [each for each in found if each is not None]


def other_method(summary: Summary, config: AdapterConfig | None) -> str | None:
    """The peft_type of a configuration whose tensors are of another method."""
    if config is None or summary.layout != "peft":
        return None
    kind, method = config.peft_type, summary.method
    if method in _METHODS.get(kind, {kind.lower()}):
        return None
    return kind if method in _PLAIN or kind in _TOLD_APART else None


def _embedded(metadata: Mapping[str, str]) -> Iterable[tuple[str, AdapterConfig]]:
    return component_configs(metadata).items()


def _is_rslora(metadata: Mapping[str, str]) -> bool:
    arguments = bounded_json(metadata.get("ss_network_args", ""))
    told = arguments.get("rs_lora") if isinstance(arguments, dict) else None
    return str(told).lower() in ("true", "1")


def _against(field: str, says: float | None, weights: Collection[float]) -> Differs | None:
    if says is None or not weights:
        return None
    if any(math.isclose(says, one, rel_tol=_CLOSE) for one in weights):
        return None
    return Differs(field, f"{says:g}", _spread(weights))


def _spread(values: Collection[float]) -> str:
    lowest, highest = min(values), max(values)
    return f"{lowest:g}" if lowest == highest else f"{lowest:g} to {highest:g}"
