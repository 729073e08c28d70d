"""A push that was checked becomes so: one transaction, as short as its writing takes."""

from collections.abc import Iterable, Iterator
from itertools import islice

from lorahub_server.access import Tx
from lorahub_server.blobs import service as blobs
from lorahub_server.blobs import uploads
from lorahub_server.blobs.errors import BadFile
from lorahub_server.blobs.tables import Blob
from lorahub_server.kit.errors import HubError
from lorahub_server.repos import (
    events,
    published,
    queries_objects,
    queries_pack,
    queries_refs,
    refs,
)
from lorahub_server.repos.objects import NewObject
from lorahub_server.repos.operations import check_weights_name
from lorahub_server.repos.pack_read import Unpacked
from lorahub_server.repos.receive import Move, Prepared
from lorahub_server.repos.receive_errors import BadPush, PushRefused, StaleRef, about, in_commit
from lorahub_server.repos.receive_files import Pointer, blob_object
from lorahub_server.repos.service import lock_for_read, lock_for_write
from lorahub_server.repos.tables import Repository

# Rows, and their bytes, that go to the database at once.
_ROWS = 500
_ROWS_BYTES = 8 * 1024 * 1024


def apply(tx: Tx, repo: Repository, prepared: Prepared, unpacked: Unpacked) -> None:
    """Write everything and move the refs; raises PushRefused when one has moved meanwhile."""
    if all(move.update.pull for move in prepared.moves):
        # Who may add to a pull request was asked by whoever prepared this.
        lock_for_read(tx, repo)
    else:
        lock_for_write(tx, repo)
    there = {ref.name: ref.oid for ref in refs.git_refs(tx, repo)}
    for move in prepared.moves:
        if there.get(move.update.ref) != move.update.old:
            raise PushRefused(move.update.ref, StaleRef(move.update.ref))
    large = _large_files(tx, prepared)
    for objects in _groups(_objects(prepared, unpacked)):
        queries_objects.insert_objects(tx.session, repo.id, objects)
    commits = iter(prepared.commits)
    while rows := list(islice(commits, _ROWS)):
        queries_pack.insert_commits(tx.session, rows)
    _move(tx, repo, prepared.moves)
    blobs.add_refs(tx, repo.id, large.keys())
    branches = [move.update.branch for move in prepared.moves if move.update.branch]
    adapters = {
        pointer.sha256: prepared.configs[pointer]
        for _, pointer in prepared.pointers
        if large[pointer.sha256].summary is not None
    }
    if branches:
        published.note_change(tx, repo, branches, adapters)
    else:
        published.owe_inspections(tx, repo, adapters)
    updates = (move.update for move in prepared.moves)
    events.tell_moves(
        tx, repo, [events.RefMove(update.ref, update.old, update.new) for update in updates]
    )


def _large_files(tx: Tx, prepared: Prepared) -> dict[str, Blob]:
    """Return the blobs by SHA-256, safe from collection from now on."""
    shas = {pointer.sha256 for _, pointer in prepared.pointers}
    allowed = blobs.may_use_all(tx, shas) if shas else {}
    there = blobs.keep_all(tx, allowed)
    for ref, pointer in prepared.pointers:
        with about(ref), in_commit(pointer.commit):
            blob = allowed.get(pointer.sha256)
            if blob is None or blob.sha256 not in there:
                raise _missing(tx, pointer)
            if blob.size != pointer.size:
                message = f"The git-lfs pointer is wrong: the file has {blob.size} bytes."
                raise BadPush(message, place=pointer.path)
            check_weights_name(pointer.path, blob.size, is_adapter=blob.summary is not None)
    return {sha256: allowed[sha256] for sha256 in shas}


def _missing(tx: Tx, pointer: Pointer) -> HubError:
    refusal = uploads.refusal(tx, pointer.sha256)
    if refusal is not None:
        return BadFile(refusal.code, refusal.message, pointer.path)
    message = (
        "The large file behind this git-lfs pointer is not here. Run `git lfs push --all origin`, "
        "then push again."
    )
    return BadPush(message, place=pointer.path)


def _objects(prepared: Prepared, unpacked: Unpacked) -> Iterator[NewObject]:
    for oid in prepared.objects:
        kind, data = unpacked.kind(oid) or "", unpacked.data(oid)
        yield blob_object(data) if kind == "blob" else NewObject(oid, kind, data)


def _groups(objects: Iterable[NewObject]) -> Iterator[list[NewObject]]:
    group: list[NewObject] = []
    size = 0
    for made in objects:
        group.append(made)
        size += len(made.data)
        if len(group) == _ROWS or size >= _ROWS_BYTES:
            yield group
            group, size = [], 0
    yield group


def _move(tx: Tx, repo: Repository, moves: list[Move]) -> None:
    """Delete first, so that what stood in the way of a new ref is gone."""
    for move in moves:
        if move.update.new is None:
            queries_refs.delete_ref(tx.session, repo.id, move.update.ref)
    for move in moves:
        update = move.update
        if update.new is None or move.commit is None:
            continue
        if update.old is None and update.pull is None:
            with about(update.ref):
                refs.check_new_ref(tx, repo, update.ref)
        queries_refs.set_ref(
            tx.session,
            repo.id,
            update.ref,
            oid=update.new,
            commit_oid=move.commit,
            moment=tx.now,
        )
