"""The part of a report that a header alone tells. Needs no numpy."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from lorahub.adapters.config import AdapterConfig, read_config
from lorahub.adapters.container import Header
from lorahub.adapters.declared import differing, other_method
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
    settings, refused = checked(config)
    described = describe(header.metadata, settings, data_sha256=hashes.get("data_sha256"))
    ranks = {summary.rank, *summary.ranks} if summary.rank and summary.ranks else set()
    warned = Warned(
        summary,
        described,
        differing(header.metadata, summary, settings, ranks, ()),
        other_method(summary, settings),
        refused,
    )
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
        "warnings": warnings_of(warned),
        "strength": None,
        "health": None,
        "by_component": [],
        "by_part": [],
        "blocks": [],
        "smaller": {"ranks": [], "energies": []},
        "modules": [],
    }


def checked(
    config: Mapping[str, object] | None,
) -> tuple[AdapterConfig | None, AdapterFileError | None]:
    """The configuration, or why it tells nothing: one that breaks the rules is not followed."""
    try:
        return (read_config(config) if config else None), None
    except AdapterFileError as error:
        return None, error


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
