"""A commit: one short transaction, all or nothing, in a line with every other one of the branch."""

from collections.abc import Sequence

from lorahub_server.access import Tx, require_scope
from lorahub_server.kit import names
from lorahub_server.repos import build, published, refs
from lorahub_server.repos.build import CommitResult, Start
from lorahub_server.repos.errors import RefNotFound, StaleParent
from lorahub_server.repos.operations import AddBlob, AddFile, DeletePath, Operation
from lorahub_server.repos.service import lock_for_write
from lorahub_server.repos.tables import Repository

__all__ = ["AddBlob", "AddFile", "CommitResult", "DeletePath", "Operation", "commit"]


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
    wish = build.wanted(operations, message, description)
    lock_for_write(tx, repo)
    head = refs.head(tx, repo, branch)
    built = build.build(tx, repo, _start(tx, repo, branch, head, parent), wish)
    made = built.result
    if made.changed or head is None:
        refs.move_branch(tx, repo, branch, made.revision)
    if made.changed:
        published.note_change(tx, repo, [branch], built.adapters)
    return made


def _start(tx: Tx, repo: Repository, branch: str, head: str | None, parent: str | None) -> Start:
    wanted = None if parent is None else parent.lower()
    if head is not None:
        if wanted not in {None, head}:
            raise StaleParent(branch, head)
    elif branch == repo.default_branch:
        if wanted is not None:
            raise StaleParent(branch, None)
        return Start()
    elif wanted is None:
        message = f"There is no branch {branch}. Make it, or name the commit it starts from."
        raise RefNotFound(message)
    else:
        refs.check_new_ref(tx, repo, refs.BRANCHES + branch)
    return build.start_at(tx, repo, head or wanted or "")
