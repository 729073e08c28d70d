"""Which preview stands for a repository in lists, and for whom the repository is."""

from typing import Protocol

from sqlalchemy.orm import Session

from lorahub_server.insight.previews import queries
from lorahub_server.insight.previews.model import MILD


class Entry(Protocol):
    """What is needed of a library entry, locked by the caller."""

    repo_id: int
    cover: str | None
    cover_preview: int | None
    maturity: int


def choose(session: Session, entry: Entry) -> None:
    """Let the entry name the owner's choice; without a picture in the files, else the first.

    And for whom the repository is, which depends on the previews too.
    """
    from lorahub_server.library.indexing import renew
    from lorahub_server.library.queries import maturity_of

    found = of_repo(session, entry.repo_id, has_file=entry.cover is not None)
    if entry.cover_preview != found:
        entry.cover_preview = found
    level = maturity_of(session, entry.repo_id)
    if entry.maturity != level:
        entry.maturity = level
        renew(session, entry.repo_id)


def of_repo(session: Session, repo_id: int, *, has_file: bool) -> int | None:
    wanted = queries.set_of(session, repo_id)
    if wanted is None:
        # Uploads make a set too.
        return None
    # One that is not for everybody stands for nothing, whoever chose it before it was rated.
    if wanted.cover is not None and queries.has_picture(session, repo_id, wanted.cover, MILD):
        return wanted.cover
    return None if has_file else queries.first_picture(session, repo_id, MILD)


def refresh(session: Session, repo_id: int) -> None:
    """Do what `choose` does for a repository whose previews have news."""
    from lorahub_server.library.queries import lock_entry

    entry = lock_entry(session, repo_id)
    if entry is not None:
        choose(session, entry)
        session.flush()
