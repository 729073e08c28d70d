"""Whether the card and the weights speak of the same base-model family."""

from collections.abc import Iterable

from lorahub.adapters.families import TWINS, families_of_words
from lorahub.adapters.tools import LANGUAGE_FAMILIES
from lorahub_server.library.model import AdapterDetails, Conflict


def same_line(one: str, other: str) -> bool:
    """Tell whether one family is the other, a size of it, or has all of its shapes: "wan" and
    "wan-14b", "sdxl" and "kolors".
    """
    if _is_language(one) != _is_language(other):
        return False
    if other in TWINS.get(one, ()) or one in TWINS.get(other, ()):
        return True
    if one == other or one.startswith(f"{other}-") or other.startswith(f"{one}-"):
        return True
    return _line(one) == _line(other) == "sd3"


def _is_language(name: str) -> bool:
    """Begin alike, and are not the same: "qwen" and "qwen-image"."""
    return name in LANGUAGE_FAMILIES


def _line(name: str) -> str:
    """Return the name without its size: "sd3" of "sd3.5-large"."""
    return name.partition(".")[0].partition("-")[0]


def declared_families(base_models: Iterable[str]) -> list[str]:
    """Return the families that the names of base models speak of, the likeliest first."""
    found: dict[str, None] = {}
    for name in base_models:
        found.update(dict.fromkeys(families_of_words(name)))
    return list(found)


def find(base_models: list[str], adapters: Iterable[AdapterDetails]) -> Conflict | None:
    """Return the first adapter file that fits none of the declared base models."""
    declared = declared_families(base_models)
    if not declared:
        return None
    for adapter in adapters:
        detected = possible(adapter)
        if detected and not any(same_line(one, other) for one in declared for other in detected):
            return _conflict(declared[0], base_models[0], detected[0], adapter)
    return None


def possible(adapter: AdapterDetails) -> list[str]:
    """Return the families that an adapter may belong to, the detected one first."""
    candidates = adapter.summary.get("family_candidates")
    found = [adapter.family] if adapter.family else []
    if isinstance(candidates, list):
        found += [name for name in candidates if isinstance(name, str) and name not in found]
    return found


def _conflict(declared: str, base: str, detected: str, adapter: AdapterDetails) -> Conflict:
    confidence = str(adapter.summary.get("family_confidence", "low"))
    source = "the weights are" if confidence == "high" else "the file looks like it is"
    return Conflict(
        declared=declared,
        detected=detected,
        base_model=base,
        confidence=confidence,
        path=adapter.path,
        message=(
            f"The card names {base} ({declared}) as the base model, but {source} for {detected}. "
            "Correct the card, or check that this is the right file."
        ),
    )
