"""A commit: one short transaction, all or nothing, in a line with every other one of the branch."""

from collections.abc import Sequence
from dataclasses import dataclass

from lorahub_server.access import Tx, require_scope
from lorahub_server.blobs import service as blobs
from lorahub_server.blobs.tables import Blob
from lorahub_server.kit import names
from lorahub_server.repos import attributes, published, queries_objects, refs
from lorahub_server.repos.draft import Draft
from lorahub_server.repos.errors import BadCommit, RefNotFound, RevisionNotFound, StaleParent
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
    AddBlob,
    AddFile,
    Checked,
    DeletePath,
    Operation,
    check,
    check_weights_name,
)
from lorahub_server.repos.published import beside
from lorahub_server.repos.service import lock_for_write
from lorahub_server.repos.tables import CommitRow, Repository

__all__ = ["AddBlob", "AddFile", "CommitResult", "DeletePath", "Operation", "commit"]


@dataclass(frozen=True, slots=True)
class CommitResult:
    """`changed` False: the tree would have been the same, so `revision` is the old head."""

    revision: str
    parent: str | None
    changed: bool


def commit(
    tx: Tx,
    repo: Repository,
    branch: str,
    operations: Sequence[Operation],
    message: str,
    *,
    parent: str | None = None,
    description: str = "",
) -> CommitResult:
    """Apply the operations to the branch's head and move the branch.

    With `parent` given, raise StaleParent unless the branch is there; a branch that does not
    exist yet begins at `parent`. Without, the commit lands on top of whatever is there.
    Deletions come before additions, whatever their order.
    """
    require_scope(tx.caller, "write")
    names.check_ref_name(branch)
    checked = check(operations)
    text = check_message(message, description)
    lock_for_write(tx, repo)
    start = _start(tx, repo, branch, parent)
    large = _large_files(tx, checked)
    draft = Draft(tx, repo, start.root)
    objects = _apply(tx, repo, draft, checked, large)
    tree, trees = draft.write()
    if start.row is not None and start.row.tree_oid == tree:
        if start.is_new_branch:
            refs.move_branch(tx, repo, branch, start.row.oid)
        return CommitResult(start.row.oid, start.row.parent_oid, changed=False)
    files = start.files + draft.added - draft.removed
    if files > FILES_MAX:
        message = f"A repository holds at most {FILES_MAX} files; this would make {files}."
        raise BadCommit(message)
    made = _insert(tx, repo, start, tree, [*objects, *trees], text, files)
    refs.move_branch(tx, repo, branch, made.oid)
    blobs.add_refs(tx, repo.id, {blob.sha256 for blob in large.values()})
    published.note_change(tx, repo, [branch])
    published.owe_inspections(tx, repo, _adapters(draft, large))
    return CommitResult(made.oid, None if start.row is None else start.row.oid, changed=True)


@dataclass(frozen=True, slots=True)
class _Start:
    """What the commit stands on; `row` None: nothing."""

    row: CommitRow | None
    root: tuple[str, bytes] | None
    is_new_branch: bool

    @property
    def files(self) -> int:
        return 0 if self.row is None else self.row.files


def _start(tx: Tx, repo: Repository, branch: str, parent: str | None) -> _Start:
    head = refs.head(tx, repo, branch)
    wanted = None if parent is None else parent.lower()
    if head is not None:
        if wanted not in {None, head}:
            raise StaleParent(branch, head)
    elif branch == repo.default_branch:
        if wanted is not None:
            raise StaleParent(branch, None)
        return _Start(None, None, is_new_branch=True)
    elif wanted is None:
        message = f"There is no branch {branch}. Make it, or name the commit it starts from."
        raise RefNotFound(message)
    else:
        refs.check_new_ref(tx, repo, refs.BRANCHES + branch)
    oid = head or wanted or ""
    found = queries_objects.commit_with_root(tx.session, repo.id, oid) if is_oid(oid) else None
    if found is None:
        raise RevisionNotFound("There is no such commit to start from. Check the parent.")
    row, root = found
    return _Start(row, (row.tree_oid, root), is_new_branch=head is None)


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
    wanted = attributes.amended(text, large)
    return None if wanted == text else file_object(wanted.encode())


def _insert(
    tx: Tx,
    repo: Repository,
    start: _Start,
    tree: str,
    objects: list[NewObject],
    text: str,
    files: int,
) -> NewObject:
    account = require_scope(tx.caller, "write")
    parents = [] if start.row is None else [start.row.oid]
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
    return made


def _adapters(draft: Draft, large: dict[str, Blob]) -> dict[str, str | None]:
    """Return the configurations' ids by the SHA-256 of the adapter files that they are beside."""
    found = {}
    for path, blob in large.items():
        if blob.summary is not None:
            config = draft.get(beside(path))
            found[blob.sha256] = None if config is None else config.oid
    return found
