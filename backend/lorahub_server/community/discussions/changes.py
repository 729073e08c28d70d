"""What a pull request would change, for people: lines, fields of the card, facts of adapters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lorahub_server.access import Tx
from lorahub_server.blobs import service as blobs
from lorahub_server.community.discussions import pulls
from lorahub_server.community.discussions.pulls import State
from lorahub_server.community.discussions.tables import Thread
from lorahub_server.insight import service as insight
from lorahub_server.library import card as cards
from lorahub_server.repos import diff_text, trees
from lorahub_server.repos.diff import Change
from lorahub_server.repos.diff_text import FileDiff, Texts
from lorahub_server.repos.tables import Repository
from lorahub_server.repos.trees import Entry

# Adapter files whose facts are compared.
_ADAPTERS_MAX = 200
# What differs between any two files, or is told elsewhere.
_NOT_TOLD = frozenset({"training", "size", "trigger_words"})


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of a card or fact of an adapter; None: it is not there."""

    name: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class AdapterChange:
    """What the headers of an adapter file tell, before and after."""

    path: str
    old: Mapping[str, Any] | None
    new: Mapping[str, Any] | None
    fields: Sequence[FieldChange]


@dataclass(frozen=True, slots=True)
class Changes:
    state: State
    files: Sequence[FileDiff]
    card: Sequence[FieldChange] = ()
    adapters: Mapping[str, AdapterChange] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Between:
    files: Sequence[FileDiff]
    card: Sequence[FieldChange]
    adapters: Mapping[str, AdapterChange]


def changes_of(tx: Tx, repo: Repository, thread: Thread) -> Changes:
    state = pulls.state(tx, repo, thread)
    found = between(tx, repo, state.changes)
    return Changes(state, found.files, found.card, found.adapters)


def between(tx: Tx, repo: Repository, found: Sequence[Change]) -> Between:
    """Return the same for any changes, as between two revisions."""
    files, texts = diff_text.read(tx, repo, found)
    return Between(files, _card(tx, repo, files, texts), _adapters(tx, files))


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[FieldChange]:
    """Return what is not the same in two sets of fields, in the order of the new ones."""
    names = [*new, *(name for name in old if name not in new)]
    return [
        FieldChange(str(name), old.get(name), new.get(name))
        for name in names
        if old.get(name) != new.get(name)
    ]


def _card(tx: Tx, repo: Repository, files: Sequence[FileDiff], texts: Texts) -> list[FieldChange]:
    def front(entry: Entry | None) -> dict[str, Any]:
        if entry is None or entry.path != cards.NAME or entry.large or entry.size > cards.MAX_BYTES:
            return {}
        text = texts.get(entry.oid)
        return cards.parse(trees.read_file(tx, repo, entry) if text is None else text).front

    for file in files:
        change = file.change
        if change.path == cards.NAME and file.why != "gated":
            return differences(front(change.old), front(change.new))
    return []


def _adapters(tx: Tx, files: Sequence[FileDiff]) -> dict[str, AdapterChange]:
    large = [file.change for file in files if file.is_large][:_ADAPTERS_MAX]
    sides = [side for change in large for side in (change.old, change.new)]
    if not large:
        return {}
    known = blobs.may_use_all(tx, {side.sha256 for side in sides if side and side.sha256})
    inspected = insight.get_inspections(tx, known)

    def summary(side: Entry | None) -> dict[str, Any] | None:
        blob = known.get(side.sha256 or "") if side is not None else None
        if blob is None or blob.summary is None:
            return None
        there = inspected.get(blob.sha256)
        found = there.summary if there is not None else None
        # The header only declares an alpha; programs go by the one among the weights.
        return blob.summary if found is None else {**blob.summary, "alpha": found.get("alpha")}

    found = {}
    for change in large:
        old, new = summary(change.old), summary(change.new)
        if old is not None or new is not None:
            fields = _told(old, new) if old is not None and new is not None else []
            found[change.path] = AdapterChange(change.path, old, new, fields)
    return found


def _told(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[FieldChange]:
    return [change for change in differences(old, new) if change.name not in _NOT_TOLD]
