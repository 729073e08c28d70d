"""The warnings of a report: each a code for programs and a sentence for people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lorahub.adapters.declared import Differs
from lorahub.adapters.description import Description
from lorahub.adapters.errors import AdapterFileError
from lorahub.adapters.summary import Summary

if TYPE_CHECKING:
    from lorahub.adapters.measure.health import Verdict

_MOST_KEYS = 10
_HINTS = {
    "missing_pair": "{n} without its other half: {key}. The file is damaged or was cut.",
    "unknown_tensor": "{n} belongs to no module: {key}. Programs will skip it.",
    "rank_exceeds_size": "{n} with more ranks than its matrix can have: {key}. Resize it.",
    "whole_tensor": "{n} is a whole tensor, not a small factor: {key}.",
    "doubled_factor": "{n} appears under two names: {key}. Programs take one of them.",
}


@dataclass(frozen=True, slots=True)
class Warned:
    """What the warnings are told from. `other_method`: the peft_type of a configuration that is
    another method's. `refused`: why the configuration is not followed.
    """

    summary: Summary
    description: Description
    differs: Sequence[Differs] = ()
    other_method: str | None = None
    refused: AdapterFileError | None = None
    verdicts: "Sequence[Verdict]" = ()
    overflowing: Sequence[str] = ()
    unknown_scales: Sequence[str] = ()


def warnings_of(found: Warned) -> list[dict[str, Any]]:
    """`code`, `message`, `count` and up to ten `keys` each; what breaks the adapter comes first."""
    made = [refused_config(found.refused)] if found.refused else []
    made += [
        _warning(f"modules_{verdict.state}", verdict.message, verdict.names, verdict.modules)
        for verdict in found.verdicts
    ]
    if found.overflowing:
        made.append(
            _warning(
                "too_large_for_f16",
                "Some numbers are larger than F16 can hold; keep this file in BF16 or F32.",
                found.overflowing,
            )
        )
    if found.unknown_scales:
        made.append(
            _warning(
                "scale_unknown",
                "The file does not say how strong it is meant to be (alpha); figures assume alpha "
                "= rank. Keep adapter_config.json beside it, or state alpha in the card.",
                found.unknown_scales,
            )
        )
    made += _grouped(found.summary.warnings)
    made += _conflicts(found.summary)
    if found.other_method:
        made.append(
            _warning(
                "config_other_method",
                f"adapter_config.json says {found.other_method}, but the tensors are those of "
                f"{found.summary.method}: PEFT will load none of them.",
                ["peft_type"],
            )
        )
    made += [
        _warning(
            "header_differs",
            f"{each.field} says {each.says}, but the weights have {each.weights}: programs go by "
            "the weights.",
            [each.field],
        )
        for each in found.differs
    ]
    made += _declared(found.description)
    return made


def refused_config(error: AdapterFileError) -> dict[str, Any]:
    """The warning about an adapter_config.json that can't be used."""
    return _warning(error.code, str(error), [error.key] if error.key else [], 1)


def _warning(
    code: str, message: str, keys: Sequence[str], count: int | None = None
) -> dict[str, Any]:
    total = len(keys) if count is None else count
    return {"code": code, "message": message, "count": total, "keys": list(keys[:_MOST_KEYS])}


def _grouped(warnings: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    groups: dict[str, list[str]] = {}
    for each in warnings:
        groups.setdefault(each["code"], []).append(each.get("key", ""))
    made = []
    for code, keys in groups.items():
        what = "1 tensor" if len(keys) == 1 else f"{len(keys)} tensors"
        message = _HINTS.get(code, code.replace("_", " ").capitalize() + ": {n}, such as {key}.")
        made.append(_warning(code, message.format(n=what, key=keys[0]), keys))
    return made


def _conflicts(summary: Summary) -> list[dict[str, Any]]:
    against = [each for each in summary.family_evidence if each.endswith(" disagrees")]
    return [
        _warning(
            "family_conflict",
            f"The weights fit {summary.family}, but the {each.removesuffix(' disagrees')} "
            "names another base model.",
            [],
            1,
        )
        for each in against
    ]


def _declared(description: Description) -> list[dict[str, Any]]:
    """What is odd about the header's own words, and about adapter_config.json."""
    claimed = {f"{claim.key} ": claim.key for claim in description.claims}
    made = []
    for message in description.warnings:
        key = next((key for head, key in claimed.items() if message.startswith(head)), None)
        code = "hash_mismatch" if key else "configuration"
        made.append(_warning(code, message, [key] if key else [], 1))
    return made
