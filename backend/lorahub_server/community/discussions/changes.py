"""What a pull request would change, for people: lines, fields of the card, facts of adapters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lorahub_server.access import Tx
from lorahub_server.community.discussions import pulls
from lorahub_server.community.discussions.pulls import State
from lorahub_server.community.discussions.tables import Thread
from lorahub_server.insight.sides import Side, errors, sides
from lorahub_server.insight.versions import WeightsChange, weights_change
from lorahub_server.library import card as cards
from lorahub_server.repos import diff_text, trees
from lorahub_server.repos.diff import Change
from lorahub_server.repos.diff_text import FileDiff, Texts
from lorahub_server.repos.tables import Repository
from lorahub_server.repos.trees import Entry

# Adapter files whose facts are compared.
_ADAPTERS_MAX = 200
# Those whose weights are compared, and how their names end.
_WEIGHTS_MAX, _ADAPTER = 8, ".safetensors"
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
class Weights:
    """An adapter file that changed; `change` None: one side is not inspected, `error` tells why."""

    path: str
    change: WeightsChange | None
    error: str | None


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
    # Of adapter files that are there in both, the first few; only where they were asked for.
    weights: Sequence[Weights] = ()


def changes_of(tx: Tx, repo: Repository, thread: Thread) -> Changes:
    state = pulls.state(tx, repo, thread)
    found = between(tx, repo, state.changes)
    return Changes(state, found.files, found.card, found.adapters)


def between(
    tx: Tx, repo: Repository, found: Sequence[Change], *, with_weights: bool = False
) -> Between:
    """Return the same for any changes, as between two revisions."""
    files, texts = diff_text.read(tx, repo, found)
    large = [file.change for file in files if file.is_large][:_ADAPTERS_MAX]
    pairs = _pairs(large) if with_weights else {}
    wanted = {side.sha256 for one in large for side in (one.old, one.new) if side and side.sha256}
    known = sides(tx, wanted, list(pairs.values())) if wanted else {}
    adapters = _adapters(large, known)
    paired = {path: pair for path, pair in pairs.items() if path in adapters}
    card = _card(tx, repo, files, texts)
    return Between(files, card, adapters, _weights(tx, paired, known))


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


def _adapters(large: Sequence[Change], known: Mapping[str, Side]) -> dict[str, AdapterChange]:
    def summary(entry: Entry | None) -> dict[str, Any] | None:
        side = known.get(entry.sha256 or "") if entry is not None else None
        if side is None or side.blob.summary is None:
            return None
        found = side.inspection.summary if side.inspection is not None else None
        # The header only declares an alpha; programs go by the one among the weights.
        told = side.blob.summary
        return told if found is None else {**told, "alpha": found.get("alpha")}

    found = {}
    for change in large:
        old, new = summary(change.old), summary(change.new)
        if old is not None or new is not None:
            fields = _told(old, new) if old is not None and new is not None else []
            found[change.path] = AdapterChange(change.path, old, new, fields)
    return found


def _pairs(large: Sequence[Change]) -> dict[str, tuple[str, str]]:
    """Return by path what is there in both, old and new: a few, likely adapters first."""
    found = [
        (one.path, (one.old.sha256, one.new.sha256))
        for one in sorted(large, key=lambda one: not one.path.endswith(_ADAPTER))
        if one.kind == "changed" and one.old is not None and one.new is not None
    ]
    pairs = [(path, (old, new)) for path, (old, new) in found if old and new]
    return dict(pairs[:_WEIGHTS_MAX])


def _weights(
    tx: Tx, pairs: Mapping[str, tuple[str, str]], known: Mapping[str, Side]
) -> list[Weights]:
    changes = {
        path: weights_change(known[old], known[new])
        for path, (old, new) in pairs.items()
        if old in known and new in known
    }
    unknown = {sha for path, change in changes.items() if change is None for sha in pairs[path]}
    why = errors(tx, [known[sha256] for sha256 in unknown]) if unknown else {}
    return [
        Weights(path, change, next((why[one] for one in pairs[path] if one in why), None))
        for path, change in changes.items()
    ]


def _told(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[FieldChange]:
    return [change for change in differences(old, new) if change.name not in _NOT_TOLD]
