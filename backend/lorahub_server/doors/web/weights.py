"""What the page of an adapter file tells of its weights: facts, hashes, tensors in pages."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from lorahub_server.access import Tx
from lorahub_server.blobs import service as blobs
from lorahub_server.doors import links
from lorahub_server.doors.web import facts
from lorahub_server.doors.web.facts import Line
from lorahub_server.doors.web.windows import window
from lorahub_server.insight import service as insight
from lorahub_server.insight import tensors
from lorahub_server.insight.tensors import Tensor
from lorahub_server.repos.trees import Entry

ROWS = 50


@dataclass(frozen=True, slots=True)
class TensorPage:
    """Some of the tensors whose names hold `text`: `first` counts from 1, `total` is all of them.

    `before` and `after` are the addresses of the pages beside it.
    """

    text: str
    rows: Sequence[Tensor]
    first: int
    found: int
    total: int
    before: str | None
    after: str | None

    @property
    def says(self) -> str:
        """Which of them are shown, in words."""
        shown, what = f"{self.found:,}", f" whose name holds “{self.text}”" if self.text else ""
        if len(self.rows) < self.found:
            shown = f"{self.first:,} to {self.first + len(self.rows) - 1:,} of {shown}"
        elif not self.text:
            shown = "All of them"
        return f"{shown}{what}, in the order of the file"


@dataclass(frozen=True, slots=True)
class Sheet:
    """`tensors` None: the caller may not read the file, or it is not there to be read."""

    facts: list[Line] = field(default_factory=list)
    hashes: dict[str, str] = field(default_factory=dict)
    tensors: TensorPage | None = None


def sheet(tx: Tx, entry: Entry, here: str, text: str, start: int, *, is_open: bool) -> Sheet:
    """Return what is known of a file; an empty sheet for one that is no adapter file.

    `here` is the page's address, `start` the number of tensors on the pages before.
    """
    blob = blobs.may_use(tx, entry.sha256) if entry.large and entry.sha256 else None
    if blob is None or not blob.summary:
        return Sheet()
    listed = tensors.tensors_of(tx, blob.sha256, blob.size) if is_open else None
    return Sheet(
        facts=facts.told(blob.summary),
        hashes=insight.hashes_of(tx, blob.sha256),
        tensors=_page(listed, here, text, start) if listed is not None else None,
    )


def _page(listed: Sequence[Tensor], here: str, text: str, start: int) -> TensorPage:
    found = tensors.holding(listed, text)

    def at(number: int | None) -> str:
        return links.query(here, tensors=text, start=number) + "#tensors"

    page = window(found, start, ROWS, at)
    return TensorPage(
        text=text,
        rows=page.rows,
        first=page.first,
        found=len(found),
        total=len(listed),
        before=page.before,
        after=page.after,
    )
