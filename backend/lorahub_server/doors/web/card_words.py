"""What a card of the wall says and offers beside its facts."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from lorahub_server.doors.web import families
from lorahub_server.kit.clock import now
from lorahub_server.library.conflict import same_line
from lorahub_server.library.model import RepoCard

_FRESH = timedelta(days=2)
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


FILTERS: dict[str, Callable[..., Any]] = {
    "conflict": conflict,
    "fresh": fresh,
    "to_copy": to_copy,
}
