"""The commits of a push: what they are, and where they join the history that is here."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dulwich.errors import ObjectFormatException
from dulwich.objects import Commit

from lorahub_server.access import require_login
from lorahub_server.repos import pack_graph, queries_pack
from lorahub_server.repos.messages import title_of
from lorahub_server.repos.objects import Person
from lorahub_server.repos.pack_fetch import NESTED_MAX, tag_target
from lorahub_server.repos.pack_graph import Node
from lorahub_server.repos.queries_pack import CommitFacts
from lorahub_server.repos.receive_errors import BadPush, Incomplete
from lorahub_server.repos.receive_objects import Objects

_NAME_MAX = 200
_NO_MESSAGE = "No message"
_LAST_SECOND = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())
_LINE_BREAKS = "\n\t"


class Commits:
    """`new` has the commits that are not here yet; `known` what was learned of any."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self.new: dict[str, Node] = {}
        self.known: dict[str, CommitFacts] = {}
        sent = objects.unpacked.oids("commit")
        self._new_ids = sent - self._look_up(sent)

    def add(self, start: str) -> list[str]:
        """Return the new commits that lead to this one, itself too, parents first.

        Those that an earlier call returned are left out. Raises Incomplete or BadPush.
        """
        found: dict[str, Node] = {}
        waiting, outside = [start], set()
        while waiting:
            oid = waiting.pop()
            if oid in found or oid in self.new:
                continue
            if oid not in self._new_ids:
                outside.add(oid)
                continue
            found[oid] = _read(self._objects.unpacked.data(oid))
            waiting += found[oid].parents
        self._look_up(outside - self.known.keys())
        for oid in sorted(outside):
            if oid not in self.known:
                raise Incomplete(oid)
        self.new.update(found)
        return pack_graph.parents_first(self.new, found)

    def is_forward(self, old: str, new: str) -> bool:
        """Tell whether the old commit is among those that lead to the new one."""
        reached = pack_graph.reachable(self.new, [new])
        if old in reached or old == new:
            return True
        edges = {p for oid in reached for p in self.new[oid].parents if p not in self.new}
        edges = edges or {new}
        if old in edges:
            return True
        graph = pack_graph.load(self._objects.tx, self._objects.repo)
        return old in pack_graph.reachable(graph, edges)

    def row(self, oid: str) -> dict[str, Any]:
        """Return the row of a new commit: what lists show."""
        objects = self._objects
        node, data = self.new[oid], objects.unpacked.data(oid)
        commit = Commit.from_string(data)
        account = require_login(objects.tx.caller)
        author = commit.author
        # Whoever pushes can write any name there; only their own address is believed.
        is_own = author.endswith(Person(account.name).line().partition(b" ")[2])
        message = _text(commit.message)
        return {
            "repo_id": objects.repo.id,
            "oid": oid,
            "tree_oid": node.tree,
            "parent_oid": node.parents[0] if node.parents else None,
            "author_id": account.id if is_own else None,
            "author_name": _text(author.rpartition(b" <")[0])[:_NAME_MAX].strip() or "Nobody",
            "title": title_of(message) or _NO_MESSAGE,
            "message": message,
            "files": self.known[oid].files,
            "created_at": datetime.fromtimestamp(min(max(node.time, 0), _LAST_SECOND), UTC),
        }

    def _look_up(self, oids: Collection[str]) -> set[str]:
        """Learn of those that are here; return them."""
        session, repo = self._objects.tx.session, self._objects.repo
        found = queries_pack.facts_of_commits(session, repo.id, oids) if oids else {}
        self.known.update(found)
        return set(found)


@dataclass(frozen=True, slots=True)
class Target:
    """What a ref is to be at: the commit, and the tags on the way to it."""

    commit: str
    tags: list[str]


def target_of(objects: Objects, oid: str, *, is_branch: bool) -> Target:
    """Follow tags to the commit; raises BadPush or Incomplete."""
    tags: list[str] = []
    while objects.unpacked.kind(oid) != "commit":
        kind, data = objects.any(oid)
        if kind == "commit":
            break
        if is_branch:
            raise BadPush("A branch is at a commit, and at nothing else. Push a commit.")
        if kind != "tag" or len(tags) == NESTED_MAX:
            raise BadPush("A tag leads to a commit, and to nothing else. Tag a commit.")
        tags.append(oid)
        try:
            oid = tag_target(data)
        except (ObjectFormatException, ValueError) as error:
            raise BadPush("The push has a damaged tag. Run `git fsck`.") from error
    return Target(oid, tags)


def _read(data: bytes) -> Node:
    try:
        Commit.from_string(data).check()
        return pack_graph.read_node(data)
    except (ObjectFormatException, ValueError) as error:
        raise BadPush("The push has a damaged commit. Run `git fsck`.") from error


def _text(data: bytes) -> str:
    """Return what a database holds and a page shows, whatever was written."""
    text = data.decode(errors="replace").replace("\r\n", "\n")
    return "".join(
        c if c.isprintable() or c in _LINE_BREAKS else "\N{REPLACEMENT CHARACTER}" for c in text
    )
