"""Commits of pull requests: `refs/pr/N`, beside the branches, in the same history.

Who may open one and add to it is decided by `community.discussions`, which has their threads.
"""

import re
from collections.abc import Sequence

from lorahub_server.access import Tx
from lorahub_server.repos import build, pack_graph, published, queries_objects, queries_refs, refs
from lorahub_server.repos.build import CommitResult, Wanted
from lorahub_server.repos.errors import RevisionNotFound, StaleParent
from lorahub_server.repos.history import CommitInfo, info_of
from lorahub_server.repos.refs import PULLS
from lorahub_server.repos.tables import Repository

# Where a push goes that opens a pull request for the branch that follows.
OPENING = "refs/for/"
# New commits of one push that a thread lists.
LISTED = 50
_NAME = re.compile(rf"{PULLS}([1-9][0-9]{{0,8}})")


def ref_of(num: int) -> str:
    return f"{PULLS}{num}"


def number_of(ref: str) -> int | None:
    """Return N for exactly `refs/pr/N`."""
    found = _NAME.fullmatch(ref)
    return None if found is None else int(found[1])


def head(tx: Tx, repo: Repository, num: int) -> str:
    """Return the commit that a pull request is at."""
    name = ref_of(num)
    oid = queries_refs.commits_of_refs(tx.session, repo.id, [name]).get(name)
    if oid is None:
        raise RevisionNotFound(f"There is no pull request {num} in this repository.")
    return oid


def list_heads(tx: Tx, repo: Repository) -> list[tuple[int, str]]:
    """Return the numbers of all pull requests with their commits."""
    found = []
    for name, oid in queries_refs.commits_below(tx.session, repo.id, PULLS):
        num = number_of(name)
        if num is not None:
            found.append((num, oid))
    return sorted(found)


def branch_head(tx: Tx, repo: Repository, branch: str) -> str:
    """Return where the branch is that a pull request is for, or raise RevisionNotFound."""
    found = refs.head(tx, repo, branch)
    if found is None:
        if branch == repo.default_branch:
            message = "The repository has no commit yet, so there is nothing to change."
        else:
            message = f"There is no branch {branch}. Name one that is there."
        raise RevisionNotFound(message)
    return found


def find_commit(tx: Tx, repo: Repository, oid: str) -> str:
    """Return the commit that an id, or its beginning, names."""
    return refs.resolve(tx, repo, oid)


def move(tx: Tx, repo: Repository, num: int, oid: str) -> None:
    """Let a pull request be at the commit. The caller holds the repository's lock."""
    refs.move(tx, repo, ref_of(num), oid)


def commit_on(tx: Tx, repo: Repository, start: str, wish: Wanted) -> CommitResult:
    """Write a commit on top of another one; no ref moves. The caller holds the lock."""
    built = build.build(tx, repo, build.start_at(tx, repo, start), wish)
    published.owe_inspections(tx, repo, built.adapters)
    return built.result


def check_parent(num: int, there: str, parent: str | None) -> None:
    """Raise StaleParent unless the pull request is at the parent, whose id may be shortened."""
    if parent is not None and not there.startswith(parent.lower()):
        raise StaleParent(ref_of(num), there)


def merge_base(tx: Tx, repo: Repository, ours: str, theirs: str) -> str | None:
    """Return the newest commit that both lead to and none other of those does; None: none."""
    if any(row.oid == ours for row in queries_objects.line_of(tx.session, repo.id, theirs, LISTED)):
        return ours  # nothing happened on the branch since: no need to look at all commits
    graph = pack_graph.load(tx, repo)
    shared = pack_graph.reachable(graph, [ours]) & pack_graph.reachable(graph, [theirs])
    tops = shared - {parent for oid in shared for parent in graph[oid].parents}
    return max(tops, key=lambda oid: (graph[oid].time, oid), default=None)


def new_commits(
    tx: Tx, repo: Repository, start: str, until: Sequence[str | None]
) -> list[CommitInfo]:
    """Return commits from `start` back along first parents to one of `until`, the oldest first."""
    ends = {oid for oid in until if oid is not None}
    found = []
    for row in queries_objects.line_of(tx.session, repo.id, start, LISTED):
        if row.oid in ends:
            break
        found.append(info_of(row))
    return found[::-1]
