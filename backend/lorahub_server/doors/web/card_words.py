"""What a card of the wall says and offers beside its facts."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from lorahub_server.doors.web import families
from lorahub_server.kit.clock import now
from lorahub_server.library import licences, rights
from lorahub_server.library.conflict import same_line
from lorahub_server.library.model import RepoCard

_FRESH = timedelta(days=2)
_ASKED_FIRST = {"outputs": "coin", "services": "cloud", "changes": "merge"}
_IN_PROMPTS = frozenset({"image", "video"})


def fresh(item: RepoCard) -> str:
    """Return `New` or `Updated` of what was published or changed a short while ago."""
    since = now() - _FRESH
    if item.published_at is not None and item.published_at >= since:
        return "New"
    return "Updated" if item.published_at is not None and item.updated_at >= since else ""


def conflict(item: RepoCard) -> str:
    """Return the family that the card declares where the weights are of another one."""
    declared, detected = item.family_declared, item.family
    if not declared or not detected or same_line(declared, detected):
        return ""
    return declared


def to_copy(item: RepoCard) -> str:
    """Return what people paste: the words of a prompt, or the name that programs pull by."""
    if item.adapters == 1 and families.family_makes(item.family) in _IN_PROMPTS:
        # The name that `lorahub pull` gives the file in the folders of these tools.
        return f"<lora:{item.name}:1>"
    return item.full_name


@dataclass(frozen=True, slots=True)
class Permitted:
    """What a licence says to those things that people ask first: a picture and an answer each."""

    told: str
    marks: tuple[tuple[str, bool], ...]


def permitted(item: RepoCard) -> Permitted | None:
    """Return what the adapter's own licence permits to everybody; None where that isn't known."""
    licence = licences.licence_of(item.license)
    if licence is None or not licences.is_known(licence.id) or licence.id in rights.UNCLEAR:
        return None
    answers = rights.answers(licence)
    may = [rights.RIGHTS[name] for name in _ASKED_FIRST if answers[name] == "yes"]
    told = f"you may {', '.join(may)}" if may else "ask before you do more than use it"
    marks = tuple((picture, answers[name] == "yes") for name, picture in _ASKED_FIRST.items())
    return Permitted(f"{licence.name}: {told}", marks)


FILTERS: dict[str, Callable[..., Any]] = {
    "conflict": conflict,
    "fresh": fresh,
    "permitted": permitted,
    "to_copy": to_copy,
}
