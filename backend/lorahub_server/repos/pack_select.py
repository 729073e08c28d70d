"""Which objects go with some commits: those that the commits before them don't have.

Trees are read in batches, and of a tree only the lines are followed that its parent's lacks.
No transaction is open between two batches.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from dulwich.objects import parse_tree

from lorahub_server.kit.errors import HubError
from lorahub_server.repos.objects import FOLDER, SUBMODULE
from lorahub_server.repos.pack_graph import Graph

# Lines of trees that are held at once; one takes about 200 bytes.
_LINES = 50_000
_COMMITS = 200
_OID_BYTES = 20

Read = Callable[[Collection[str]], dict[str, tuple[str, bytes]]]
_Line = tuple[bytes, int, bytes]


class Vanished(HubError):
    """The repository was deleted while it was read."""

    status = 409
    code = "repo_changed"

    def __init__(self) -> None:
        super().__init__("The repository changed while it was read. Try again.")


@dataclass(slots=True)
class Selection:
    """Ids in the order in which they are sent. `bases`: trees that differ little from others."""

    commits: Sequence[str]
    tags: Sequence[str]
    trees: list[str] = field(default_factory=list)
    blobs: list[str] = field(default_factory=list)
    bases: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.commits) + len(self.tags) + len(self.trees) + len(self.blobs)


@dataclass(frozen=True, slots=True)
class _Pair:
    """A tree to look at, and one that the receiver has then, with all that is in it."""

    tree: str
    base: str | None


class Selector:
    """`sizes` tells how many files a commit has; `owned` are commits that the receiver has."""

    def __init__(
        self, read: Read, graph: Graph, owned: Collection[str], sizes: dict[str, int]
    ) -> None:
        self._read = read
        self._graph = graph
        self._owned = owned
        self._sizes = sizes
        self._seen: set[str] = set()

    def fill(self, selection: Selection) -> Iterator[int]:
        """Add trees and blobs for the commits, parents first; yield after each batch."""
        at_hand = set(self._owned)
        for batch in self._batches(selection.commits):
            level = []
            for oid in batch:
                node = self._graph[oid]
                base = next((self._graph[p].tree for p in node.parents if p in at_hand), None)
                level.append(_Pair(node.tree, base))
                at_hand.add(oid)
            while level:
                level = self._look_at(level, selection)
            yield len(selection)

    def _batches(self, commits: Sequence[str]) -> Iterator[list[str]]:
        batch: list[str] = []
        lines = 0
        for oid in commits:
            # Twice: its tree and the one that it is compared with.
            lines += 2 * self._sizes.get(oid, 0)
            batch.append(oid)
            if lines >= _LINES or len(batch) >= _COMMITS:
                yield batch
                batch, lines = [], 0
        if batch:
            yield batch

    def _look_at(self, level: list[_Pair], selection: Selection) -> list[_Pair]:
        """Take what is new in these trees; return the pairs one level down."""
        pairs = []
        for pair in level:
            if pair.tree not in self._seen and pair.tree != pair.base:
                self._seen.add(pair.tree)
                pairs.append(pair)
        wanted = {pair.tree for pair in pairs} | {pair.base for pair in pairs if pair.base}
        lines = {oid: list(parse_tree(raw, _OID_BYTES)) for oid, raw in self._trees(wanted).items()}
        deeper: list[_Pair] = []
        for pair in pairs:
            selection.trees.append(pair.tree)
            base = lines[pair.base] if pair.base else []
            if pair.base:
                selection.bases[pair.tree] = pair.base
            deeper += self._follow(lines[pair.tree], base, selection)
        return deeper

    def _follow(
        self, lines: list[_Line], base: list[_Line], selection: Selection
    ) -> Iterator[_Pair]:
        new = set(lines).difference(base)
        folders = {name: oid for name, mode, oid in base if mode == FOLDER}
        # In the tree's order: what two servers send for the same wish is the same.
        for line in lines:
            name, mode, raw = line
            if line not in new or mode == SUBMODULE:
                continue
            oid = raw.decode()
            if mode == FOLDER:
                yield _Pair(oid, folders[name].decode() if name in folders else None)
            elif oid not in self._seen:
                self._seen.add(oid)
                selection.blobs.append(oid)

    def _trees(self, wanted: Collection[str]) -> dict[str, bytes]:
        found = self._read(wanted) if wanted else {}
        if len(found) < len(wanted):
            raise Vanished
        return {oid: data for oid, (_, data) in found.items()}
