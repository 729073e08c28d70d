"""A commit on top of another: its tree, objects and row. Whoever asks for it moves a ref to it."""

from collections.abc import Sequence
from dataclasses import dataclass

from lorahub_server.access import Tx, require_scope
from lorahub_server.blobs import service as blobs
from lorahub_server.blobs.tables import Blob
from lorahub_server.repos import attributes, queries_objects
from lorahub_server.repos.draft import Draft
from lorahub_server.repos.errors import BadCommit, RevisionNotFound
from lorahub_server.repos.limits import FILES_MAX
from lorahub_server.repos.messages import check_message, title_of
from lorahub_server.repos.objects import (
    FILE,
    PROGRAM,
    Item,
    NewObject,
    Person,
    commit_object,
    file_object,
    is_oid,
    pointer_object,
    unique,
)
from lorahub_server.repos.operations import (
    ATTRIBUTES,
    Checked,
    Operation,
    check,
    check_weights_name,
)
from lorahub_server.repos.published import beside
from lorahub_server.repos.tables import CommitRow, Repository


@dataclass(frozen=True, slots=True)
class CommitResult:
    """`changed` False: the tree would have been the same, so `revision` is the old head."""

    revision: str
    parent: str | None
    changed: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a commit shall do, checked as far as that needs no database."""

    checked: Checked
    text: str


@dataclass(frozen=True, slots=True)
class Start:
    """What a commit stands on; `row` None: nothing."""

    row: CommitRow | None = None
    root: tuple[str, bytes] | None = None

    @property
    def files(self) -> int:
        return 0 if self.row is None else self.row.files


@dataclass(frozen=True, slots=True)
class Built:
    """`adapters`: those whose inspection is owed, with the configurations beside them."""

    result: CommitResult
    adapters: dict[str, str | None]


def wanted(operations: Sequence[Operation], message: str, description: str = "") -> Wanted:
    """Raise BadCommit, BadFile, InvalidPath or InvalidCard for what can't be."""
    return Wanted(check(operations), check_message(message, description))


def start_at(tx: Tx, repo: Repository, oid: str) -> Start:
    found = queries_objects.commit_with_root(tx.session, repo.id, oid) if is_oid(oid) else None
    if found is None:
        raise RevisionNotFound("There is no such commit to start from. Check the parent.")
    row, root = found
    return Start(row, (row.tree_oid, root))


def build(tx: Tx, repo: Repository, start: Start, wish: Wanted) -> Built:
    """Write the commit unless it would change nothing. The caller holds the repository's lock.

    Deletions come before additions, whatever their order.
    """
    large = _large_files(tx, wish.checked)
    draft = Draft(tx, repo, start.root)
    objects = _apply(tx, repo, draft, wish.checked, large)
    tree, trees = draft.write()
    if start.row is not None and start.row.tree_oid == tree:
        return Built(CommitResult(start.row.oid, start.row.parent_oid, changed=False), {})
    files = start.files + draft.added - draft.removed
    check_count(files)
    parents = [] if start.row is None else [start.row.oid]
    made = insert_commit(tx, repo, parents, tree, [*objects, *trees], wish.text, files=files)
    blobs.add_refs(tx, repo.id, {blob.sha256 for blob in large.values()})
    result = CommitResult(made, parents[0] if parents else None, changed=True)
    return Built(result, _adapters(draft, large))


def check_count(files: int) -> None:
    if files > FILES_MAX:
        message = f"A repository holds at most {FILES_MAX} files; this would make {files}."
        raise BadCommit(message)


def insert_commit(
    tx: Tx,
    repo: Repository,
    parents: Sequence[str],
    tree: str,
    objects: Sequence[NewObject],
    text: str,
    *,
    files: int,
) -> str:
    """Write a commit of the caller's with the objects that are new in it; return its id."""
    account = require_scope(tx.caller, "write")
    made = commit_object(tree, parents, Person(account.name), tx.now, text)
    queries_objects.insert_objects(tx.session, repo.id, unique([*objects, made]))
    queries_objects.insert_commit(
        tx.session,
        {
            "repo_id": repo.id,
            "oid": made.oid,
            "tree_oid": tree,
            "parent_oid": parents[0] if parents else None,
            "author_id": account.id,
            "author_name": account.name,
            "title": title_of(text),
            "message": text,
            "files": files,
            "created_at": tx.now.replace(microsecond=0),
        },
    )
    return made.oid


def _large_files(tx: Tx, checked: Checked) -> dict[str, Blob]:
    """Return the blobs by path, safe from collection from now on."""
    shas = set(checked.blobs.values())
    allowed = blobs.may_use_all(tx, shas) if shas else {}
    there = blobs.keep_all(tx, allowed)
    found: dict[str, Blob] = {}
    for path, sha256 in checked.blobs.items():
        blob = allowed.get(sha256)
        if blob is None or sha256 not in there:
            message = "The file with this SHA-256 was not uploaded by you. Upload it first."
            raise BadCommit(message, place=path, sha256=sha256)
        check_weights_name(path, blob.size, is_adapter=blob.summary is not None)
        found[path] = blob
    return found


def _apply(
    tx: Tx, repo: Repository, draft: Draft, checked: Checked, large: dict[str, Blob]
) -> list[NewObject]:
    """Change the draft; return the files' objects."""
    made = {**checked.files}
    made.update((path, pointer_object(blob.sha256, blob.size)) for path, blob in large.items())
    draft.open_for([*checked.paths, *(beside(path) for path in large), ATTRIBUTES])
    programs = {path for path in made if (there := draft.get(path)) and there.mode == PROGRAM}
    for path in sorted(checked.deletes):
        draft.delete(path)
    for path, file in sorted(made.items()):
        draft.put(path, Item(PROGRAM if path in programs else FILE, file.oid))
    attributes_file = _attributes(tx, repo, draft, checked, made)
    if attributes_file is not None:
        draft.put(ATTRIBUTES, Item(FILE, attributes_file.oid))
        made[ATTRIBUTES] = attributes_file
    return list(made.values())


def _attributes(
    tx: Tx, repo: Repository, draft: Draft, checked: Checked, made: dict[str, NewObject]
) -> NewObject | None:
    """Return `.gitattributes` as it must be, if that is not how it is."""
    there = draft.get(ATTRIBUTES)
    if ATTRIBUTES in made:
        content = made[ATTRIBUTES].data
    elif there is not None:
        content = queries_objects.data_of(tx.session, repo.id, [there.oid])[there.oid]
    else:
        content = b""
    text = content.decode(errors="replace")
    large = {path: file.large for path, file in made.items()}
    if ATTRIBUTES in checked.paths:
        # New rules are for the files that were there too.
        files = draft.files()
        known = queries_objects.facts_of(
            tx.session, repo.id, {item.oid for path, item in files.items() if path not in made}
        )
        large.update(
            (path, known[item.oid].large) for path, item in files.items() if path not in made
        )
    amended = attributes.amended(text, large)
    return None if amended == text else file_object(amended.encode())


def _adapters(draft: Draft, large: dict[str, Blob]) -> dict[str, str | None]:
    """Return the configurations' ids by the SHA-256 of the adapter files that they are beside."""
    found = {}
    for path, blob in large.items():
        if blob.summary is not None:
            config = draft.get(beside(path))
            found[blob.sha256] = None if config is None else config.oid
    return found
