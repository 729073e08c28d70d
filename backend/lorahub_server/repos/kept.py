"""Trees that were read lately, kept in the process: an object never changes under its id.

They are kept for nobody in particular: who may see a repository is decided before.
"""

from collections.abc import Collection, Mapping

from lorahub_server.access import Tx
from lorahub_server.kit.kept import Kept
from lorahub_server.repos import queries_objects
from lorahub_server.repos.objects import Item, read_tree
from lorahub_server.repos.tables import Repository

Lines = Mapping[str, Item]

# Lines of all kept trees together; one takes about 300 bytes.
LINES_MAX = 100_000


_kept: Kept[tuple[int, str], Lines] = Kept(LINES_MAX, lambda lines: len(lines) + 1)
# The trees of commits; one takes about 300 bytes.
_roots: Kept[tuple[int, str], str] = Kept(20_000, lambda _: 1)


def kept_tree(repo: Repository, oid: str) -> Lines | None:
    """Return the lines of a tree if they are at hand."""
    return _kept.get((repo.id, oid))


def keep_tree(repo: Repository, oid: str, data: bytes) -> Lines:
    """Return the lines in a tree's bytes, and keep them for the next who asks."""
    lines = kept_tree(repo, oid)
    if lines is None:
        lines = read_tree(data)
        _kept.put((repo.id, oid), lines)
    return lines


def trees(tx: Tx, repo: Repository, oids: Collection[str]) -> dict[str, Lines]:
    """Return the lines of trees: no statement for those at hand, one for all others."""
    found: dict[str, Lines] = {}
    missing = []
    for oid in oids:
        lines = kept_tree(repo, oid)
        if lines is None:
            missing.append(oid)
        else:
            found[oid] = lines
    for oid, data in queries_objects.data_of(tx.session, repo.id, missing).items():
        found[oid] = keep_tree(repo, oid, data)
    return found


def root(repo: Repository, commit_oid: str) -> str | None:
    """Return the tree of a commit if it is at hand."""
    return _roots.get((repo.id, commit_oid))


def keep_root(repo: Repository, commit_oid: str, tree: str) -> None:
    _roots.put((repo.id, commit_oid), tree)


def clear() -> None:
    """Forget all trees, as a new process has none."""
    _kept.clear()
    _roots.clear()
