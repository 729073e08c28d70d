"""What the hub owes itself about previews: planning those of a repository, of a whole family."""

from sqlalchemy.orm import Session

from lorahub_server.insight.previews import covers, queries, queries_pictures
from lorahub_server.jobs import service as jobs
from lorahub_server.jobs.tables import Job

PLAN = "plan"
PLAN_FAMILY = "plan_family"
SMALL = "picture"
COVER = "cover"
_BATCH = 200


def note_change(session: Session, entry: covers.Entry, family: str | None) -> None:
    """Owe planning where something may come of it: a hub without bases has no previews.

    The caller holds the lock of the repository's library entry, for which planning waits.
    """
    has_set, has_base = queries.standing(session, entry.repo_id, family)
    if has_set:
        covers.choose(session, entry)
    if has_set or has_base:
        owe_plan(session, entry.repo_id)


def owe_plan(session: Session, repo_id: int) -> Job:
    return jobs.enqueue(
        session, PLAN, {"repo": repo_id}, dedup=f"{PLAN}:{repo_id}", repo_id=repo_id, queue="cpu"
    )


def owe_family(session: Session, family: str) -> Job:
    """Owe planning of all repositories of a family: some worker holds a base for it now."""
    return jobs.enqueue(
        session, PLAN_FAMILY, {"family": family}, dedup=f"{PLAN_FAMILY}:{family}", queue="cpu"
    )


def share_out(session: Session, family: str, after: int) -> int | None:
    """Owe planning of some repositories; return where to go on, None at the end."""
    found = queries.repos_of_family(session, family, after, _BATCH)
    for repo_id in found:
        owe_plan(session, repo_id)
    return found[-1] if len(found) == _BATCH else None


def owe_copies(session: Session, sha256: str) -> Job:
    return jobs.enqueue(session, SMALL, {"sha256": sha256}, dedup=f"{SMALL}:{sha256}", queue="cpu")


def owe_cover(session: Session, repo_id: int) -> Job:
    """Owe small copies of the file that stands for a repository."""
    return jobs.enqueue(
        session, COVER, {"repo": repo_id}, dedup=f"{COVER}:{repo_id}", repo_id=repo_id, queue="cpu"
    )


def owe_missing_copies(session: Session) -> int:
    """Owe copies of all pictures that have none in every width; return of how many."""
    after, count = "", 0
    while found := queries_pictures.without_copies(session, after, _BATCH):
        for sha256 in found:
            owe_copies(session, sha256)
        after, count = found[-1], count + len(found)
    return count
