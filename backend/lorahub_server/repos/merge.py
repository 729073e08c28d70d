"""Two lines of work brought together, path by path, from where they parted.

A file that both changed, and not in the same way, is a conflict. `.gitattributes` is not: the hub
writes lines into it, and what both added is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from lorahub_server.access import Tx
from lorahub_server.repos import attributes, build, queries_objects
from lorahub_server.repos.diff import Changed, changed_items, tree_of
from lorahub_server.repos.draft import Draft
from lorahub_server.repos.errors import EntryNotFound, PathConflict
from lorahub_server.repos.messages import check_message
from lorahub_server.repos.objects import FILE, Item, NewObject, file_object
from lorahub_server.repos.operations import ATTRIBUTES
from lorahub_server.repos.published import beside
from lorahub_server.repos.tables import Repository


@dataclass(frozen=True, slots=True)
class Sides:
    """Commits: where both began (None: with nothing), what there is now, and what is to come."""

    base: str | None
    ours: str
    theirs: str


@dataclass(slots=True)
class Plan:
    """What a merge would do; with conflicts, nothing. `taken` are the paths that it changes."""

    sides: Sides
    conflicts: list[str] = field(default_factory=list)
    taken: dict[str, Item | None] = field(default_factory=dict)
    draft: Draft | None = None
    made: list[NewObject] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not self.conflicts


def plan(tx: Tx, repo: Repository, sides: Sides) -> Plan:
    """Find out what a merge would do; nothing is written."""
    base = tree_of(tx, repo, sides.base)
    ours = changed_items(tx, repo, base, tree_of(tx, repo, sides.ours))
    theirs = changed_items(tx, repo, base, tree_of(tx, repo, sides.theirs))
    found = Plan(sides)
    for path, (_, now) in sorted(theirs.items()):
        if path not in ours:
            found.taken[path] = now
        elif ours[path][1] != now and path != ATTRIBUTES:
            found.conflicts.append(path)
    if found.is_clean:
        _draw(tx, repo, found, ours, theirs)
    return found


def merge(tx: Tx, repo: Repository, found: Plan, message: str) -> str:
    """Write the commit that a plan without conflicts leads to; return it. No ref moves.

    The caller holds the repository's lock, and planned under it.
    """
    assert found.draft is not None
    tree, trees = found.draft.write()
    row = queries_objects.commit_row(tx.session, repo.id, found.sides.ours)
    assert row is not None
    files = row.files + found.draft.added - found.draft.removed
    build.check_count(files)
    parents = [found.sides.ours, found.sides.theirs]
    made = [*found.made, *trees]
    text = check_message(message)
    return build.insert_commit(tx, repo, parents, tree, made, text, files=files)


def _draw(tx: Tx, repo: Repository, found: Plan, ours: Changed, theirs: Changed) -> None:
    """Make the tree that is to be; what can't lie beside what is there is a conflict."""
    root = build.start_at(tx, repo, found.sides.ours).root
    draft = Draft(tx, repo, root)
    draft.open_for([*found.taken, *(beside(path) for path in found.taken), ATTRIBUTES])
    # What goes makes room: a folder may take the place of a file.
    for path in sorted(path for path, item in found.taken.items() if item is None):
        try:
            draft.delete(path)
        except EntryNotFound:
            found.conflicts.append(path)
    for path, item in found.taken.items():
        if item is None:
            continue
        try:
            draft.put(path, item)
        except PathConflict:
            found.conflicts.append(path)
    if found.is_clean:
        _mend_attributes(tx, repo, draft, found, (ours, theirs))
        found.draft = draft


def _mend_attributes(
    tx: Tx, repo: Repository, draft: Draft, found: Plan, sides: tuple[Changed, Changed]
) -> None:
    """Let `.gitattributes` say of every file what it is, whichever side brought it."""
    ours, theirs = sides
    there = draft.get(ATTRIBUTES)
    pieces = [there, *theirs.get(ATTRIBUTES, (None, None))]
    texts = _texts(tx, repo, pieces)
    text = texts[0]
    if ATTRIBUTES in ours and ATTRIBUTES in theirs:
        text = _with_additions(text, texts[1], texts[2])
    items = {
        path: item
        for path in ours.keys() | theirs.keys()
        if path != ATTRIBUTES and (item := draft.get(path)) is not None
    }
    known = queries_objects.facts_of(tx.session, repo.id, {item.oid for item in items.values()})
    wanted = attributes.amended(text, {path: known[item.oid].large for path, item in items.items()})
    if wanted != texts[0]:
        made = file_object(wanted.encode())
        draft.put(ATTRIBUTES, Item(FILE, made.oid))
        found.made.append(made)


def _with_additions(text: str, old: str, new: str) -> str:
    """Return the text with the lines that `new` has beyond `old`."""
    there = {*old.split("\n"), *text.split("\n")}
    added = [line for line in new.split("\n") if line not in there]
    if not added:
        return text
    start = text if not text or text.endswith("\n") else f"{text}\n"
    return start + "".join(f"{line}\n" for line in added)


def _texts(tx: Tx, repo: Repository, items: Sequence[Item | None]) -> list[str]:
    wanted = {item.oid for item in items if item is not None}
    data = queries_objects.data_of(tx.session, repo.id, wanted)
    return ["" if item is None else data[item.oid].decode(errors="replace") for item in items]
