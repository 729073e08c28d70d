"""What a revision is in the words of Hugging Face's hub: tags, library, weights. No database here.

Search, `filter=` and the tags of a model's info all use these words.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from lorahub_server.library import derive, licences
from lorahub_server.library.card import Card
from lorahub_server.library.model import AdapterDetails
from lorahub_server.library.snippets import example_base
from lorahub_server.library.tables import AdapterFile

TERM_MAX = 300
_TERMS_MAX = 200
_WEIGHTS = ".safetensors"
_PEFT, _DIFFUSERS = "peft", "diffusers"
_PEFT_KEYS = ("base_model_name_or_path", "task_type")


@dataclass(frozen=True, slots=True)
class Head:
    """`front` is the card's front matter; `weights` has the numbers of values by their type."""

    front: dict[str, Any] = field(default_factory=dict)
    terms: list[str] = field(default_factory=list)
    library: str | None = None
    weights: dict[str, Any] | None = None
    config: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def describe(
    card: Card,
    files: Sequence[AdapterFile],
    adapters: Sequence[AdapterDetails],
    paths: Collection[str],
) -> Head:
    """Return what clients ask for; `adapters` are in `derive.order`."""
    library = card.library_name or _library(adapters)
    return Head(
        front=card.front,
        terms=_terms(card, adapters, library, paths),
        library=library,
        weights=_weights(adapters),
        config=_config(files),
    )


def folded(terms: Iterable[str]) -> list[str]:
    """Return terms as they are compared."""
    return list(dict.fromkeys(term.strip().casefold()[:TERM_MAX] for term in terms))


def _terms(
    card: Card,
    adapters: Sequence[AdapterDetails],
    library: str | None,
    paths: Collection[str],
) -> list[str]:
    found = [library or ""]
    if any(path.endswith(_WEIGHTS) for path in paths):
        found.append("safetensors")
    found += [item.method or "" for item in adapters]
    found += [*card.tags, card.pipeline_tag or "", *card.languages]
    relation = card.base_model_relation or ("adapter" if adapters else None)
    for base in derive.base_models(card, adapters):
        found.append(f"base_model:{base}")
        if relation is not None:
            found.append(f"base_model:{relation}:{base}")
    datasets = card.front.get("datasets")
    for name in datasets if isinstance(datasets, list) else [datasets]:
        if isinstance(name, str):
            found.append(f"dataset:{name}")
    licence = licences.effective(card.license, card.license_name)
    found.append(f"license:{licence}" if licence else "")
    kept = dict.fromkeys(term[:TERM_MAX] for term in found if term and "\0" not in term)
    return list(kept)[:_TERMS_MAX]


def _library(adapters: Sequence[AdapterDetails]) -> str | None:
    """Return what loads the adapter that stands for all."""
    if not adapters:
        return None
    if adapters[0].config is not None:
        return _PEFT
    return _DIFFUSERS if example_base(adapters[0].family) else None


def _weights(adapters: Sequence[AdapterDetails]) -> dict[str, Any] | None:
    """Return how many values the files have, of each type."""
    numbers: dict[str, int] = {}
    for item in adapters:
        for kind, number in _elements(item.summary).items():
            numbers[kind] = numbers.get(kind, 0) + number
    return {"parameters": numbers, "total": sum(numbers.values())} if numbers else None


def _elements(summary: Mapping[str, Any]) -> dict[str, int]:
    found = summary.get("elements")
    return found if isinstance(found, dict) else {}


def _config(files: Sequence[AdapterFile]) -> dict[str, Any] | None:
    at_top = next((file.config for file in files if file.config and "/" not in file.path), None)
    if at_top is None:
        return None
    return {_PEFT: {key: at_top[key] for key in _PEFT_KEYS if at_top.get(key)}}
