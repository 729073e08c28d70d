"""From a card and adapter files to the columns that lists and searches need. No database here."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol
from urllib.parse import unquote

from lorahub.adapters.families import names as families
from lorahub_server.kit import names
from lorahub_server.library import conflict, licences, permissions
from lorahub_server.library.card import Card, split_words
from lorahub_server.library.model import AdapterDetails
from lorahub_server.library.overlay import with_config, with_declared

_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".avif")
_COVER_NAMES = ("cover.", "preview.", "thumbnail.")
_MAX_WORDS = 30


class File(Protocol):
    @property
    def path(self) -> str: ...
    @property
    def size(self) -> int: ...


def order(adapters: Iterable[AdapterDetails]) -> list[AdapterDetails]:
    """Return the adapters, first the one that stands for all: not in a folder, and large."""
    return sorted(adapters, key=place)


def place(item: File) -> tuple[int, int, str]:
    """Return what decides the place of an adapter file in `order`."""
    return item.path.count("/"), -item.size, item.path


def from_card(
    card: Card, name: str, adapters: Sequence[AdapterDetails], paths: Sequence[str]
) -> dict[str, Any]:
    """Return the columns that the card and the tree decide."""
    bases = base_models(card, adapters)
    licence = (licences.effective(card.license, card.license_name) or "")[:64] or None
    return {
        "title": (card.title or prettified(name))[:200],
        "summary": card.summary,
        "license": licence,
        "permits": permissions.bits(permissions.of(licence)),
        "base_model": bases[0] if bases else None,
        "base_key": names.lower(bases[0])[:200] if bases else None,
        "family_declared": declared_family(card),
        "trigger_words": trigger_words(card, adapters),
        "cover": cover_of(card, paths),
        "tags": sorted(card.tags),
    }


def from_adapters(adapters: Sequence[AdapterDetails]) -> dict[str, Any]:
    """Return the columns that the adapter files decide; `adapters` are in `order`."""
    first = adapters[0] if adapters else None
    return {
        "family": first.family if first else None,
        "task": task_of(first.family) if first else None,
        "layout": first.layout if first else None,
        "method": first.method if first else None,
        "rank": first.rank if first else None,
        "size": sum(item.size for item in adapters),
        "adapters": len(adapters),
        "health": health_of(adapters),
    }


def task_of(family: str | None) -> str | None:
    found = families.makes(family)
    return None if found == "unknown" else found


def base_models(card: Card, adapters: Sequence[AdapterDetails]) -> list[str]:
    """Return what the card declares, else what the configurations beside the weights name."""
    if card.base_models:
        return card.base_models
    named = [str((item.config or {}).get("base_model_name_or_path") or "") for item in adapters]
    return list(dict.fromkeys(name for name in named if name))


def trigger_words(card: Card, adapters: Sequence[AdapterDetails]) -> list[str]:
    """Return the card's words, then those in the headers, each once."""
    words = list(card.trigger_words)
    for item in adapters:
        found = item.summary.get("trigger_words")
        words += (
            [word for word in found if isinstance(word, str)] if isinstance(found, list) else []
        )
    return split_words(words)[:_MAX_WORDS]


def cover_of(card: Card, paths: Sequence[str]) -> str | None:
    """Return the picture that stands for the repository: a path that is in the tree."""
    pictures = {path for path in paths if path.lower().endswith(_PICTURES)}
    for widget in card.widget:
        path = unquote(widget.image or "").removeprefix("./")
        if path in pictures:
            return path
    at_root = sorted(path for path in pictures if "/" not in path)
    named = [path for path in at_root if path.lower().startswith(_COVER_NAMES)]
    return next(iter(named or at_root), None)


def prettified(name: str) -> str:
    """Return a repository's name as a title: `my-cool_style` is "My cool style"."""
    words = " ".join(name.replace("-", " ").replace("_", " ").split())
    return words[:1].upper() + words[1:] if words.islower() else words or name


def health_of(adapters: Sequence[AdapterDetails]) -> str:
    """Return the worst that is known of any file: damaged, failed, waiting, ok; none of no file."""
    found = {file_health(item) for item in adapters}
    return next((name for name in ("damaged", "failed", "waiting") if name in found), None) or (
        "ok" if found else "none"
    )


def file_health(item: AdapterDetails) -> str:
    if item.health is None:
        return "failed" if item.state == "failed" else "waiting"
    return "damaged" if is_damaged(item.health, item.summary) else "ok"


def is_damaged(health: dict[str, Any], summary: dict[str, Any]) -> bool:
    """Tell whether the file does nothing or poisons what it is added to.

    Some dead modules are common: trainers write those of a text encoder that they never touched.
    """
    if count_of(health, "nan_count") or count_of(health, "inf_count"):
        return True
    modules = count_of(summary, "modules")
    return bool(modules) and count_of(health, "zero_count") >= modules


def count_of(facts: dict[str, Any], name: str) -> int:
    value = facts.get(name)
    return value if isinstance(value, int) else 0


def facts(
    header: dict[str, Any] | None,
    inspected: dict[str, Any] | None,
    config: dict[str, Any] | None,
    declared: str | None,
) -> dict[str, Any]:
    """Return what is known of a file: from its inspection, else its header; then from the
    configuration beside it; then, where that leaves the family open, from the card.
    """
    return with_declared(with_config(inspected or header or {}, config), declared)


def declared_family(card: Card) -> str | None:
    return next(iter(conflict.declared_families(card.base_models)), None)
