"""A repository as the JSON of a model: the fields, and which of them are asked for."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from lorahub_server.doors.hf.shapes import model_id, moment, pointer_size
from lorahub_server.kit.errors import BadRequest
from lorahub_server.library.heads import File, RepoFacts


@dataclass(frozen=True, slots=True)
class View:
    """What is shown of a repository, and how much of its files. `storage` is in bytes."""

    facts: RepoFacts
    with_blobs: bool = False
    storage: int | None = None


def _tags(view: View) -> list[str]:
    return view.facts.head.terms


def _front(name: str) -> Callable[[View], Any]:
    return lambda view: view.facts.head.front.get(name)


def _pipeline(view: View) -> str | None:
    found = view.facts.head.front.get("pipeline_tag")
    return found if isinstance(found, str) else None


def _siblings(view: View) -> list[dict[str, Any]]:
    if not view.with_blobs:
        return [{"rfilename": file.path} for file in view.facts.files]
    return [_with_blob(file) for file in view.facts.files]


def _with_blob(file: File) -> dict[str, Any]:
    shown: dict[str, Any] = {"rfilename": file.path, "size": file.size, "blobId": file.oid}
    if file.sha256 is not None:
        shown["lfs"] = {
            "sha256": file.sha256,
            "size": file.size,
            "pointerSize": pointer_size(file.size),
        }
    return shown


def _base_models(view: View) -> dict[str, Any] | None:
    """Return the base models in the form that the clients' hub has for them."""
    for relation in ("adapter", "finetune", "merge", "quantized"):
        start = f"base_model:{relation}:"
        names = [tag.removeprefix(start) for tag in _tags(view) if tag.startswith(start)]
        if names:
            return {"relation": relation, "models": [{"id": name} for name in names]}
    return None


def _nothing(_: View) -> None:
    return None


FIELDS: dict[str, Callable[[View], Any]] = {
    "author": lambda view: view.facts.owner,
    "baseModels": _base_models,
    "cardData": lambda view: view.facts.head.front,
    "childrenModelCount": lambda _: 0,
    "config": lambda view: view.facts.head.config or {},
    "createdAt": lambda view: moment(view.facts.created_at),
    "disabled": lambda _: False,
    "downloads": lambda view: view.facts.downloads,
    "downloadsAllTime": lambda view: view.facts.downloads,
    "evalResults": _nothing,
    "gated": lambda view: view.facts.gated or False,
    "gguf": _nothing,
    "inference": _nothing,
    "inferenceProviderMapping": _nothing,
    "lastModified": lambda view: moment(view.facts.updated_at),
    "library_name": lambda view: view.facts.head.library,
    "likes": lambda view: view.facts.stars,
    "mask_token": _nothing,
    "model-index": _front("model-index"),
    "pipeline_tag": _pipeline,
    "private": lambda view: view.facts.private,
    "resourceGroup": _nothing,
    "safetensors": lambda view: view.facts.head.weights,
    "sha": lambda view: view.facts.revision,
    "siblings": _siblings,
    "spaces": lambda _: [],
    "tags": _tags,
    "transformersInfo": _nothing,
    "trendingScore": lambda view: view.facts.trending,
    "usedStorage": lambda view: view.storage,
    "widgetData": _front("widget"),
}
# Older clients ask before they send a folder; nobody is told that there are such fields.
_UNLISTED: dict[str, Callable[[View], Any]] = {"xetEnabled": lambda _: True}
INFO = (
    "author", "sha", "lastModified", "createdAt", "private", "gated", "disabled", "downloads",
    "likes", "tags", "pipeline_tag", "library_name", "mask_token", "cardData", "model-index",
    "widgetData", "config", "safetensors", "spaces", "siblings",
)  # fmt: skip
LISTED = (
    "private", "likes", "downloads", "tags", "pipeline_tag", "library_name", "createdAt",
)  # fmt: skip
FULL = ("author", "sha", "lastModified", "gated", "disabled", "siblings")
# What has no value is left out, unless it was asked for by name.
_OPTIONAL = frozenset(
    {"pipeline_tag", "library_name", "mask_token", "model-index", "widgetData", "safetensors"}
)


def check_expand(names: Collection[str]) -> None:
    """Raise for a field that there is none of. Clients read the list in the message."""
    if not set(names) <= {*FIELDS, *_UNLISTED}:
        raise BadRequest(f'"expand" must be one of [{", ".join(FIELDS)}]')


def shown(view: View, names: Sequence[str], *, expand: Collection[str] = ()) -> dict[str, Any]:
    """Return the fields of these names; with `expand`, those and no others."""
    facts = view.facts
    known: dict[str, Any] = {"_id": model_id(facts.id), "id": facts.full_name}
    if expand:
        fields = FIELDS | _UNLISTED
        return known | {name: fields[name](view) for name in dict.fromkeys(expand)}
    known["modelId"] = facts.full_name
    for name in names:
        value = FIELDS[name](view)
        if value is not None or name not in _OPTIONAL:
            known[name] = value
    return known
