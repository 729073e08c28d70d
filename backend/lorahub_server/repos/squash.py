"""Giving a branch a history of one commit, with the files that it has."""

from lorahub_server.access import Tx
from lorahub_server.repos import build, published, queries_objects, refs
from lorahub_server.repos.errors import RevisionNotFound
from lorahub_server.repos.messages import check_message
from lorahub_server.repos.service import lock_for_write
from lorahub_server.repos.tables import Repository


def squash(tx: Tx, repo: Repository, branch: str, message: str) -> str:
    """Let the branch begin anew with one commit of its present files; return the commit.

    Other branches and tags keep their history, and old commits can still be asked for by id.
    """
    check_message(message)
    lock_for_write(tx, repo)
    head = refs.head(tx, repo, branch)
    if head is None:
        raise RevisionNotFound(f"There is no branch {branch}. Check the spelling.")
    made = orphan(tx, repo, head, message)
    refs.move_branch(tx, repo, branch, made)
    published.note_change(tx, repo, [branch])
    return made


def orphan(tx: Tx, repo: Repository, head: str, message: str) -> str:
    """Write a commit without parents that has another's files. No ref moves.

    The caller holds the repository's lock.
    """
    text = check_message(message)
    row = queries_objects.commit_row(tx.session, repo.id, head)
    assert row is not None
    return build.insert_commit(tx, repo, [], row.tree_oid, [], text, files=row.files)
