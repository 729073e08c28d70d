"""What people should know about a repository before they use it, or its owner should mend."""

from collections.abc import Sequence
from typing import Any

from lorahub_server.library import derive
from lorahub_server.library.card import Card
from lorahub_server.library.model import AdapterDetails, Conflict, Notice, RepoCard

_WARNINGS = {
    "missing_pair": "{count} of the factors lack their other half; programs leave those out.",
    "unknown_tensor": "{count} tensors belong to no known kind of adapter; programs may skip them.",
    "whole_tensor": "{count} tensors are trained whole; some programs refuse or skip them.",
    "doubled_factor": "{count} tensors stand twice under different names; one of each is used.",
    "rank_exceeds_size": "{count} factors have more ranks than their matrices can have.",
    "misaligned": "{count} tensors are not aligned in the file; reading them is slower.",
}
_NO_LICENCE_MEND = "The card names no licence, so nobody knows what they may do. Add one."
_NO_LICENCE = "The card names no licence; ask the author before you use it for more than trying."
_MAX_KEYS = 20


def find(
    card: Card,
    repo: RepoCard,
    adapters: Sequence[AdapterDetails],
    clash: Conflict | None,
    *,
    may_mend: bool,
) -> list[Notice]:
    """Return the notices, the gravest first. Who can't mend a thing is told what else to do."""
    found: list[Notice] = []
    for item in adapters:
        found += of_file(item)
    if clash is not None:
        found.append(Notice("warning", "family_conflict", clash.message, clash.path))
    found += [Notice("warning", "card_problem", text, "README.md") for text in card.problems]
    if repo.revision is not None and repo.license is None:
        message = _NO_LICENCE_MEND if may_mend else _NO_LICENCE
        found.append(Notice("info", "no_license", message, "README.md"))
    if repo.revision is not None and not adapters:
        message = "There is no adapter file in the repository yet. Push a .safetensors file."
        found.append(Notice("info", "no_adapter", message))
    order = {"error": 0, "warning": 1, "info": 2}
    return sorted(found, key=lambda notice: order[notice.level])


def of_file(item: AdapterDetails) -> list[Notice]:
    found = _of_health(item, item.health) if item.health is not None else []
    if item.state == "failed" and item.error is not None:
        found.append(Notice("error", item.error["code"], item.error["message"], item.path))
    by_code: dict[str, list[str]] = {}
    warnings = item.summary.get("warnings")
    for warning in warnings if isinstance(warnings, list) else []:
        if isinstance(warning, dict) and "message" in warning:
            code, message = str(warning.get("code")), str(warning["message"])
            found.append(Notice("warning", code, message, item.path, [str(warning.get("key"))]))
        elif isinstance(warning, dict):
            by_code.setdefault(str(warning.get("code")), []).append(str(warning.get("key")))
    for code, keys in by_code.items():
        message = _WARNINGS.get(code, "{count} tensors are unusual: " + code + ".")
        message = message.format(count=len(keys))
        found.append(Notice("info", code, message, item.path, keys[:_MAX_KEYS]))
    return found


def _of_health(item: AdapterDetails, health: dict[str, Any]) -> list[Notice]:
    found = []
    for kind, name in (("nan", "NaN"), ("inf", "infinite values")):
        count = derive.count_of(health, f"{kind}_count")
        if count:
            message = (
                f"{_modules(count)} of {item.name} contain {name}. Pictures turn black and text "
                "turns to noise; train again, or use an earlier file."
            )
            keys = _keys(health, f"{kind}_modules")
            found.append(Notice("error", f"{kind}_values", message, item.path, keys))
    dead = derive.count_of(health, "zero_count")
    modules = derive.count_of(item.summary, "modules")
    if dead and dead >= modules:
        message = f"All modules of {item.name} are zero: it changes nothing."
        found.append(Notice("error", "all_zero", message, item.path))
    elif dead:
        message = f"{_modules(dead)} of {modules} in {item.name} are zero and change nothing."
        keys = _keys(health, "zero_modules")
        found.append(Notice("info", "zero_modules", message, item.path, keys))
    return found


def _modules(count: int) -> str:
    return "1 module" if count == 1 else f"{count} modules"


def _keys(health: dict[str, Any], name: str) -> list[str]:
    value = health.get(name)
    return [str(key) for key in value[:_MAX_KEYS]] if isinstance(value, list) else []
