"""Giving a branch a history of one commit, with the files that it has."""

from lorahub_server.access import Tx, require_scope
from lorahub_server.repos import published, queries_objects, refs
from lorahub_server.repos.errors import RevisionNotFound
from lorahub_server.repos.messages import check_message, title_of
from lorahub_server.repos.objects import Person, commit_object
from lorahub_server.repos.service import lock_for_write
from lorahub_server.repos.tables import Repository


def squash(tx: Tx, repo: Repository, branch: str, message: str) -> str:
    """Let the branch begin anew with one commit of its present files; return the commit.

    Other branches and tags keep their history, and old commits can still be asked for by id.
    """
    account = require_scope(tx.caller, "write")
    text = check_message(message)
    lock_for_write(tx, repo)
    head = refs.head(tx, repo, branch)
    if head is None:
        raise RevisionNotFound(f"There is no branch {branch}. Check the spelling.")
    row = queries_objects.commit_row(tx.session, repo.id, head)
    assert row is not None
    made = commit_object(row.tree_oid, [], Person(account.name), tx.now, text)
    queries_objects.insert_objects(tx.session, repo.id, [made])
    queries_objects.insert_commit(
        tx.session,
        {
            "repo_id": repo.id,
            "oid": made.oid,
            "tree_oid": row.tree_oid,
            "parent_oid": None,
            "author_id": account.id,
            "author_name": account.name,
            "title": title_of(text),
            "message": text,
            "files": row.files,
            "created_at": tx.now.replace(microsecond=0),
        },
    )
    refs.move_branch(tx, repo, branch, made.oid)
    published.note_change(tx, repo, [branch])
    return made.oid
