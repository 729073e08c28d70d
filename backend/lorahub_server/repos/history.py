"""The commits that led to a revision."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lorahub_server.access import Tx
from lorahub_server.repos import queries_objects
from lorahub_server.repos.errors import RevisionNotFound
from lorahub_server.repos.limits import COMMITS_PAGE_MAX
from lorahub_server.repos.objects import is_oid
from lorahub_server.repos.tables import CommitRow, Repository


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """`author` is the account's name now, or the name in the commit; `files` in its tree."""

    oid: str
    title: str
    message: str
    author: str
    created_at: datetime
    parent: str | None
    files: int


def get_commit(tx: Tx, repo: Repository, oid: str) -> CommitInfo:
    return info_of(_row(tx, repo, oid))


def list_commits(
    tx: Tx,
    repo: Repository,
    start_oid: str,
    *,
    limit: int = 30,
    after: str | None = None,
    skip: int = 0,
) -> Sequence[CommitInfo]:
    """Return commits from `start_oid` back, newest first, along first parents.

    `after`: the id of the last commit of the page before. `skip`: leave out so many.
    """
    start: str | None = start_oid
    if after is not None:
        start = _row(tx, repo, after).parent_oid
    if start is None:
        return []
    limit = max(1, min(limit, COMMITS_PAGE_MAX))
    if not is_oid(start):
        raise _no_commit()
    rows = queries_objects.line_of(tx.session, repo.id, start, limit, skip)
    if not rows and not skip:
        raise _no_commit()
    return [info_of(row) for row in rows]


def _row(tx: Tx, repo: Repository, oid: str) -> CommitRow:
    row = queries_objects.commit_row(tx.session, repo.id, oid) if is_oid(oid) else None
    if row is None:
        raise _no_commit()
    return row


def _no_commit() -> RevisionNotFound:
    return RevisionNotFound("There is no such commit in the repository.")


def info_of(row: CommitRow) -> CommitInfo:
    return CommitInfo(
        oid=row.oid,
        title=row.title,
        message=row.message,
        author=row.author_name if row.author is None else row.author.name,
        created_at=row.created_at,
        parent=row.parent_oid,
        files=row.files,
    )
