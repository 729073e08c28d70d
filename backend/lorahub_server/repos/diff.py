"""What differs between two trees: files that came, went, changed, or got another name.

Folders that are the same in both are not read.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from lorahub_server.access import Tx
from lorahub_server.kit.errors import TooLarge
from lorahub_server.repos import kept, queries_objects
from lorahub_server.repos.errors import RevisionNotFound
from lorahub_server.repos.limits import FILES_MAX
from lorahub_server.repos.objects import Item
from lorahub_server.repos.tables import Repository
from lorahub_server.repos.trees import Entry, as_entries, facts_of

Kind = Literal["added", "removed", "changed", "renamed"]


@dataclass(frozen=True, slots=True)
class Change:
    """One file; `old` and `new` None: it is not there before or after. Their paths may differ."""

    kind: Kind
    old: Entry | None
    new: Entry | None

    @property
    def path(self) -> str:
        there = self.new or self.old
        assert there is not None
        return there.path


Changed = dict[str, tuple[Item | None, Item | None]]


def tree_of(tx: Tx, repo: Repository, commit: str | None) -> str | None:
    """Return the tree of a commit; None is the one in which nothing is."""
    if commit is None:
        return None
    known = kept.root(repo, commit)
    if known is not None:
        return known
    row = queries_objects.commit_row(tx.session, repo.id, commit)
    if row is None:
        raise RevisionNotFound("There is no such commit in the repository.")
    kept.keep_root(repo, commit, row.tree_oid)
    return row.tree_oid


def changed_items(tx: Tx, repo: Repository, old: str | None, new: str | None) -> Changed:
    """Return by path the files of two trees that are not the same: at most a query a level."""
    found: Changed = {}
    level: dict[str, tuple[str | None, str | None]] = {"": (old, new)}
    while level:
        wanted = {oid for pair in level.values() if pair[0] != pair[1] for oid in pair if oid}
        lines = kept.trees(tx, repo, wanted)
        deeper: dict[str, tuple[str | None, str | None]] = {}
        for prefix, (one, other) in level.items():
            if one == other:
                continue
            before = lines[one] if one else {}
            after = lines[other] if other else {}
            for name in before.keys() | after.keys():
                was, now = before.get(name), after.get(name)
                if was == now:
                    continue
                folders = _folder(was), _folder(now)
                if folders != (None, None):
                    deeper[f"{prefix}{name}/"] = folders
                files = _file(was), _file(now)
                if files != (None, None):
                    found[prefix + name] = files
            if len(found) > 2 * FILES_MAX:
                raise TooLarge("More files differ than can be compared.")
        level = deeper
    return found


def compare(tx: Tx, repo: Repository, old: str | None, new: str | None) -> list[Change]:
    """Return what is different in the commit `new`, by path; None is a commit without files."""
    items = changed_items(tx, repo, tree_of(tx, repo, old), tree_of(tx, repo, new))
    before = {path: was for path, (was, _) in items.items() if was is not None}
    after = {path: now for path, (_, now) in items.items() if now is not None}
    facts = facts_of(tx, repo, [*before.values(), *after.values()])
    olds = {entry.path: entry for entry in as_entries(tx, repo, before, facts)}
    news = {entry.path: entry for entry in as_entries(tx, repo, after, facts)}
    renamed = _renames(
        [olds[path] for path in sorted(before.keys() - after.keys())],
        [news[path] for path in sorted(after.keys() - before.keys())],
    )
    left = {old.path for old in renamed.values()}
    found = []
    for path in items:
        if path in renamed:
            found.append(Change("renamed", renamed[path], news[path]))
        elif path in before and path in after:
            found.append(Change("changed", olds[path], news[path]))
        elif path in after:
            found.append(Change("added", None, news[path]))
        elif path not in left:
            found.append(Change("removed", olds[path], None))
    return sorted(found, key=lambda change: change.path)


def _renames(gone: Iterable[Entry], come: Iterable[Entry]) -> dict[str, Entry]:
    """Return by its new path what a file with the same bytes was called before."""
    waiting: dict[str, list[Entry]] = {}
    for entry in gone:
        if entry.size:
            waiting.setdefault(entry.oid, []).append(entry)
    found = {}
    for entry in come:
        same = waiting.get(entry.oid)
        if same:
            found[entry.path] = same.pop(0)
    return found


def _folder(item: Item | None) -> str | None:
    return item.oid if item is not None and item.is_folder else None


def _file(item: Item | None) -> Item | None:
    return item if item is not None and item.is_file else None
