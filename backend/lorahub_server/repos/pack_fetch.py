"""What somebody gets who has some commits and wants others."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from dulwich.objects import Tag

from lorahub_server.access import Tx
from lorahub_server.kit.db import Database
from lorahub_server.repos import pack_graph, queries_pack, queries_refs
from lorahub_server.repos.errors import RevisionNotFound
from lorahub_server.repos.objects import is_oid
from lorahub_server.repos.pack_select import Selection, Selector
from lorahub_server.repos.pack_write import PackWriter
from lorahub_server.repos.refs import BRANCHES, TAGS
from lorahub_server.repos.tables import Repository

# Tags of tags of tags.
NESTED_MAX = 5


@dataclass(frozen=True, slots=True)
class Cut:
    """How much of the history is wanted: all, unless one of these says less."""

    depth: int | None = None
    since: int | None = None
    without: Sequence[str] = ()

    def __bool__(self) -> bool:
        return self.depth is not None or self.since is not None or bool(self.without)


@dataclass(frozen=True, slots=True)
class Peeled:
    """A wanted object: the commit that it leads to, and the tags on the way."""

    commit: str
    tags: Sequence[str]


class History:
    """The commits of a repository, and what of them one fetch is about.

    `shallow`: where the history ends that the receiver has. `ends`: where it ends by the wish.
    """

    def __init__(
        self,
        tx: Tx,
        repo: Repository,
        wants: Collection[str],
        *,
        cut: Cut | None = None,
        shallow: Collection[str] = (),
    ) -> None:
        self._tx = tx
        self._repo = repo
        self._graph = pack_graph.load(tx, repo)
        self._shallow = set(shallow)
        self._wants = {want: self._peeled(want) for want in wants}
        self._starts = {want.commit for want in self._wants.values()}
        self.ends: set[str] = set()
        self.unshallowed: set[str] = set()
        if cut:
            included = self._included(cut)
            self.ends = pack_graph.edge(self._graph, included)
            self.unshallowed = (self._shallow & included) - self.ends

    def shipment(self, haves: Collection[str], *, with_tags: bool) -> "Shipment":
        """Choose the commits for one who has these, with all before them."""
        graph = self._graph
        owned = pack_graph.reachable(graph, haves, cut=self._shallow)
        ends = self.ends | (self._shallow - self.unshallowed)
        needed = pack_graph.reachable(graph, self._starts, cut=ends) - owned
        tags = dict.fromkeys(tag for want in self._wants.values() for tag in want.tags)
        if with_tags:
            for ref in queries_refs.refs_of(self._tx.session, self._repo.id):
                if ref.name.startswith(TAGS) and ref.commit_oid in needed:
                    tags |= dict.fromkeys(self._peeled(ref.oid).tags)
        commits = pack_graph.parents_first(graph, needed)
        facts = queries_pack.facts_of_commits(self._tx.session, self._repo.id, commits)
        sizes = {oid: known.files for oid, known in facts.items()}
        return Shipment(self._repo.id, graph, owned, sizes, Selection(commits, list(tags)))

    def judge(self) -> "Judge":
        return Judge(self._graph, self._starts)

    def _included(self, cut: Cut) -> set[str]:
        if cut.depth is not None:
            return pack_graph.to_depth(self._graph, self._starts, cut.depth)
        found = pack_graph.reachable(self._graph, self._starts)
        if cut.since is not None:
            found = pack_graph.since(self._graph, self._starts, cut.since)
        left_out = [self._named(name) for name in cut.without]
        found -= pack_graph.reachable(self._graph, left_out)
        if not found:
            raise RevisionNotFound("No commit is that new. Ask for an older date or another ref.")
        return found

    def _named(self, name: str) -> str:
        full = name if name.startswith("refs/") else BRANCHES + name
        tag = TAGS + name
        found = queries_refs.commits_of_refs(self._tx.session, self._repo.id, [full, tag])
        oid = found.get(full) or found.get(tag)
        if oid is None:
            raise RevisionNotFound("There is no such branch or tag to leave out.")
        return oid

    def _peeled(self, oid: str) -> Peeled:
        tags: list[str] = []
        while oid not in self._graph:
            found = self._object(oid) if len(tags) < NESTED_MAX else None
            if found is None or found[0] != "tag":
                message = f"The repository has no commit or tag {oid}. Fetch its refs anew."
                raise RevisionNotFound(message)
            tags.append(oid)
            oid = tag_target(found[1])
        return Peeled(oid, tags)

    def _object(self, oid: str) -> tuple[str, bytes] | None:
        if not is_oid(oid):
            return None
        return queries_pack.objects(self._tx.session, self._repo.id, [oid]).get(oid)


def tag_target(data: bytes) -> str:
    """Return the id of what a tag object names; raises ObjectFormatException."""
    tag = Tag.from_string(data)
    tag.check()
    return tag.object[1].decode()


class Judge:
    """Tells when enough commits are known to be shared: when one is below everything wanted."""

    def __init__(self, graph: pack_graph.Graph, starts: Collection[str]) -> None:
        self._graph = graph
        self._starts = starts
        self._above: dict[str, list[str]] = {}
        for oid, node in graph.items():
            for parent in node.parents:
                self._above.setdefault(parent, []).append(oid)
        self._covered: set[str] = set()

    def has(self, oid: str) -> bool:
        return oid in self._graph

    def add(self, oid: str) -> None:
        waiting = [oid]
        while waiting:
            there = waiting.pop()
            if there not in self._covered:
                self._covered.add(there)
                waiting += self._above.get(there, [])

    @property
    def is_enough(self) -> bool:
        return all(oid in self._covered for oid in self._starts)


@dataclass(slots=True)
class Shipment:
    """Commits and tags to be sent; what goes with them is found, and read, as it is sent."""

    repo_id: int
    graph: pack_graph.Graph
    owned: Collection[str]
    sizes: dict[str, int]
    selection: Selection = field(default_factory=lambda: Selection([], []))

    def choose(self, db: Database) -> Iterator[int]:
        """Find all objects; yield now and then how many there are so far."""

        def read(oids: Collection[str]) -> dict[str, tuple[str, bytes]]:
            with db.read() as session:
                return queries_pack.objects(session, self.repo_id, oids)

        selector = Selector(read, self.graph, self.owned, self.sizes)
        yield from selector.fill(self.selection)

    def pack(self, db: Database, *, has_thin: bool) -> Iterator[bytes]:
        return PackWriter(db, self.repo_id, self.selection, has_thin=has_thin).chunks()
