"""What is sent of an event: version 3 of the form that Hugging Face's clients read."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from lorahub_server.access import Tx
from lorahub_server.community.webhooks.limits import REFS_MAX
from lorahub_server.config import Settings
from lorahub_server.repos import refs
from lorahub_server.repos.events import Event

VERSION = 3


def row_id(number: int) -> str:
    """Return an id in the form that others give theirs."""
    return f"{number:024x}"


def of_event(tx: Tx, event: Event) -> dict[str, Any]:
    """Return the payload as far as it is the same for every hook."""
    repo = event.repo
    place = f"{quote(repo.owner.name)}/{quote(repo.name)}"
    about: dict[str, Any] = {
        "type": "model",
        "name": repo.full_name,
        "id": row_id(repo.id),
        "private": repo.private,
        "url": {"web": f"/{place}", "api": f"/api/models/{place}"},
        "owner": {"id": row_id(repo.owner_id)},
    }
    head = refs.head(tx, repo)
    if head is not None:
        about["headSha"] = head
    payload: dict[str, Any] = {
        "event": {"action": event.action, "scope": event.scope},
        "repo": about,
        **{name: _with_ids(value) for name, value in event.facts.items()},
    }
    if event.refs:
        payload["updatedRefs"] = [
            {"ref": move.ref, "oldSha": move.old, "newSha": move.new}
            for move in event.refs[:REFS_MAX]
        ]
    return payload


def for_hook(settings: Settings, payload: Mapping[str, Any], hook_id: int) -> dict[str, Any]:
    """Return what one hook is sent."""
    base = settings.public_url or f"http://{settings.host}:{settings.port}"
    whole: dict[str, Any] = _with_base(payload, base)
    return whole | {"webhook": {"id": row_id(hook_id), "version": VERSION}}


def _with_ids(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {
        name: row_id(item) if name == "id" and isinstance(item, int) else _with_ids(item)
        for name, item in value.items()
    }


def _with_base(value: Any, base: str, *, is_url: bool = False) -> Any:
    if isinstance(value, Mapping):
        return {
            name: _with_base(item, base, is_url=is_url or name == "url")
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_with_base(item, base) for item in value]
    return base + value if is_url and isinstance(value, str) and value.startswith("/") else value
