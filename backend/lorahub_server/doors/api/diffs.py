"""What a pull request would change, as JSON."""

from typing import Any, Self

from pydantic import BaseModel

from lorahub_server.community.discussions.changes import Changes, FieldChange
from lorahub_server.doors.api import examples
from lorahub_server.doors.schemas import example
from lorahub_server.repos import diff_text
from lorahub_server.repos.diff_text import FileDiff
from lorahub_server.repos.trees import Entry

_SIDE = {"path": "README.md", "oid": examples.OID, "size": 120, "sha256": None, "large": False}
_FIELD = {"name": "license", "old": None, "new": "apache-2.0"}
_FILE = {
    "kind": "changed",
    "path": "README.md",
    "old": _SIDE,
    "new": {**_SIDE, "size": 140},
    "diff": "diff --git a/README.md b/README.md\n",
    "facts": [],
}
_DIFF = {
    "revision": examples.OID,
    "base": examples.PARENT,
    "target": examples.PARENT,
    "mergeable": True,
    "conflicts": [],
    "why_not": "",
    "files": [_FILE],
    "card": [_FIELD],
}


class SideOut(BaseModel):
    model_config = example(_SIDE)

    path: str
    oid: str
    size: int
    sha256: str | None
    large: bool

    @classmethod
    def of(cls, entry: Entry | None) -> "SideOut | None":
        if entry is None:
            return None
        return cls(
            path=entry.path,
            oid=entry.oid,
            size=entry.size,
            sha256=entry.sha256,
            large=entry.large,
        )


class FieldOut(BaseModel):
    model_config = example(_FIELD)

    name: str
    old: Any
    new: Any

    @classmethod
    def of(cls, change: FieldChange) -> Self:
        return cls(name=change.name, old=change.old, new=change.new)


class FileOut(BaseModel):
    """`kind`: `added`, `removed`, `changed` or `renamed`. `diff` is what git prints; null where
    it is too long to be shown, and of files that you may not read. `facts`: what an adapter's
    header tells otherwise.
    """

    model_config = example(_FILE)

    kind: str
    path: str
    old: SideOut | None
    new: SideOut | None
    diff: str | None
    facts: list[FieldOut]

    @classmethod
    def of(cls, file: FileDiff, facts: list[FieldOut]) -> Self:
        change = file.change
        is_told = file.why in {"", "same"}
        return cls(
            kind=change.kind,
            path=change.path,
            old=SideOut.of(change.old),
            new=SideOut.of(change.new),
            diff=diff_text.unified([file]) if is_told else None,
            facts=facts,
        )


class DiffOut(BaseModel):
    """`base`: where the pull request parted from its branch, which is at `target` now."""

    model_config = example(_DIFF)

    revision: str
    base: str | None
    target: str | None
    mergeable: bool
    conflicts: list[str]
    why_not: str
    files: list[FileOut]
    card: list[FieldOut]

    @classmethod
    def of(cls, changes: Changes) -> Self:
        state = changes.state
        files = []
        for file in changes.files:
            known = changes.adapters.get(file.change.path)
            facts = [] if known is None else [FieldOut.of(one) for one in known.fields]
            files.append(FileOut.of(file, facts))
        return cls(
            revision=state.head,
            base=state.base,
            target=state.target_head,
            mergeable=state.is_mergeable,
            conflicts=list(state.conflicts),
            why_not=state.wrong,
            files=files,
            card=[FieldOut.of(change) for change in changes.card],
        )
