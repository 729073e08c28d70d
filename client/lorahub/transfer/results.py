"""What `pull` and `push` return."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple


class PulledFile(NamedTuple):
    """`state` tells where the bytes came from: "fetched" from the hub, "cached", "there" when the
    right bytes lay at the place already, "written" for a side file that the client made, "kept"
    for a side file that somebody changed; before a pull (`dry_run`) also "replace" and "missing".
    `path` is the path in the repository, or None for a side file.
    """

    path: str | None
    place: Path
    size: int
    sha256: str
    state: str


class Pulled(NamedTuple):
    """`place` is the folder, or the one file, that a person would open."""

    repo: str
    revision: str
    place: Path
    files: Sequence[PulledFile]
    trigger_words: Sequence[str]
    bytes_fetched: int

    def to_dict(self) -> dict[str, Any]:
        files = [{**file._asdict(), "place": str(file.place)} for file in self.files]
        words = list(self.trigger_words)
        return {**self._asdict(), "place": str(self.place), "files": files, "trigger_words": words}


class PushedFile(NamedTuple):
    """`action`: "same" (the branch has it), "inline", "known" (the hub has the bytes), "upload" or
    "delete".
    """

    path: str
    size: int
    sha256: str
    action: str


class Pushed(NamedTuple):
    """`changed` is False when the branch had all of it already; `url` is the page."""

    repo: str
    branch: str
    revision: str | None
    changed: bool
    url: str
    files: Sequence[PushedFile]
    left_out: Sequence[str]
    bytes_sent: int

    def to_dict(self) -> dict[str, Any]:
        files = [file._asdict() for file in self.files]
        return {**self._asdict(), "files": files, "left_out": list(self.left_out)}
