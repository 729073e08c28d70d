"""The graph of a repository's commits, in memory: what leads to what."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from lorahub_server.access import Tx
from lorahub_server.repos import queries_pack
from lorahub_server.repos.tables import Repository


@dataclass(frozen=True, slots=True)
class Node:
    tree: str
    parents: tuple[str, ...]
    time: int


Graph = Mapping[str, Node]


def load(tx: Tx, repo: Repository) -> dict[str, Node]:
    """Return every commit of the repository by its id."""
    return {oid: read_node(data) for oid, data in queries_pack.commits(tx.session, repo.id)}


def read_node(data: bytes) -> Node:
    """Read what leads on from the bytes of a sound commit."""
    tree, *lines = data.partition(b"\n\n")[0].split(b"\n")
    parents = [line[7:47].decode() for line in lines if line.startswith(b"parent ")]
    committer = next(line for line in lines if line.startswith(b"committer "))
    return Node(tree[5:45].decode(), tuple(parents), int(committer.rsplit(b" ", 2)[1]))


def reachable(graph: Graph, starts: Iterable[str], cut: Collection[str] = frozenset()) -> set[str]:
    """Return the commits that these lead to, themselves too; no step is made from those in `cut`.

    What is not in the graph leads nowhere.
    """
    found: set[str] = set()
    waiting = [oid for oid in starts if oid in graph]
    while waiting:
        oid = waiting.pop()
        if oid in found:
            continue
        found.add(oid)
        if oid not in cut:
            waiting += [parent for parent in graph[oid].parents if parent in graph]
    return found


def parents_first(graph: Graph, wanted: Collection[str]) -> list[str]:
    """Return these commits, each after those of its parents that are among them."""
    order: list[str] = []
    done: set[str] = set()
    for start in wanted:
        way = [(start, False)]
        while way:
            oid, is_left = way.pop()
            if is_left:
                order.append(oid)
            elif oid not in done:
                done.add(oid)
                way.append((oid, True))
                way += [
                    (parent, False)
                    for parent in graph[oid].parents
                    if parent in wanted and parent not in done
                ]
    return order


def to_depth(graph: Graph, starts: Iterable[str], depth: int) -> set[str]:
    """Return the commits that at most `depth - 1` steps lead to."""
    found: set[str] = set()
    level = {oid for oid in starts if oid in graph}
    for _ in range(depth):
        found |= level
        level = {parent for oid in level for parent in graph[oid].parents} - found
        if not level:
            break
    return found


def since(graph: Graph, starts: Iterable[str], time: int) -> set[str]:
    """Return the commits that are not older, and that such ones alone lead to."""
    found: set[str] = set()
    waiting = [oid for oid in starts if oid in graph]
    while waiting:
        oid = waiting.pop()
        if oid not in found and graph[oid].time >= time:
            found.add(oid)
            waiting += graph[oid].parents
    return found


def edge(graph: Graph, included: Collection[str]) -> set[str]:
    """Return those with a parent that is not included: where a shallow history ends."""
    return {oid for oid in included if any(parent not in included for parent in graph[oid].parents)}
