"""The part of a report that a header alone tells. Needs no numpy."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from lorahub.adapters.config import AdapterConfig, read_config
from lorahub.adapters.container import Header
from lorahub.adapters.description import describe
from lorahub.adapters.errors import AdapterFileError
from lorahub.adapters.report_warnings import Warned, warnings_of
from lorahub.adapters.summary import Summary
from lorahub.adapters.tools import loaders

VERSION = 1


def header_report(
    header: Header,
    summary: Summary,
    config: Mapping[str, object] | None = None,
    hashes: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Every key of a report; what only the weights tell is empty, and `measured` is false."""
    hashes = hashes or {}
    described = describe(header.metadata, trusted(config), data_sha256=hashes.get("data_sha256"))
    return {
        "version": VERSION,
        "measured": False,
        **_identity(summary),
        **_amounts(summary),
        "alpha": summary.alpha,
        "hashes": {name: value for name, value in hashes.items() if name != "data_sha256"},
        "data_sha256": hashes.get("data_sha256"),
        "content": None,
        "sketch": None,
        "metadata": described.to_dict(),
        "trigger_words": summary.trigger_words,
        "tools": [asdict(tool) for tool in loaders(summary)],
        "warnings": warnings_of(Warned(summary, described)),
        "strength": None,
        "health": None,
        "by_component": [],
        "by_part": [],
        "blocks": [],
        "smaller": {"ranks": [], "energies": []},
        "modules": [],
    }


def trusted(config: Mapping[str, object] | None) -> AdapterConfig | None:
    """A configuration that breaks the rules tells nothing; its own check says what is wrong."""
    try:
        return read_config(config) if config else None
    except AdapterFileError:
        return None


def _identity(summary: Summary) -> dict[str, Any]:
    names = summary.family_candidates or ([summary.family] if summary.family else [])
    if summary.family in names:
        names = [summary.family, *(name for name in names if name != summary.family)]
    families = [
        {
            "name": name,
            "confidence": summary.family_confidence if name == summary.family else "low",
            "evidence": summary.family_evidence,
        }
        for name in names
    ]
    return {
        "layout": summary.layout,
        "method": summary.method,
        "families": families,
        "components": summary.components,
        "traits": summary.traits,
    }


def _amounts(summary: Summary) -> dict[str, Any]:
    return {
        "rank": summary.rank,
        "ranks": list(summary.ranks) if summary.ranks else None,
        "dtypes": {
            name: {"tensors": count, "elements": summary.elements.get(name, 0)}
            for name, count in summary.dtypes.items()
        },
        "tensors": summary.tensors,
        "parameters": summary.parameters,
        "extra_parameters": summary.extra_parameters,
        "bytes": summary.size,
    }
