"""SQL of plays."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from lorahub_server.access import Caller
from lorahub_server.accounts.tables import Account
from lorahub_server.insight.playground.tables import Play
from lorahub_server.jobs.tables import IS_UNFINISHED, Job, State
from lorahub_server.repos.tables import Repository
from lorahub_server.repos.visibility import visible_repos

_QUIET = {"synchronize_session": False}
KEYS = "play:"


def lock_account(session: Session, account_id: int) -> None:
    """Let the wishes of an account be counted one after the other."""
    session.execute(select(Account.id).where(Account.id == account_id).with_for_update())


def unfinished(session: Session, account_id: int) -> int:
    """Return how many wishes of an account wait or are worked on."""
    statement = select(func.count()).select_from(Job)
    own = (Job.account_id == account_id, IS_UNFINISHED, Job.dedup.startswith(KEYS))
    return session.scalar(statement.where(*own)) or 0


def get(session: Session, caller: Caller, play_id: int) -> Play | None:
    """Return a play of the caller's whose repository they may still see."""
    return session.scalar(
        select(Play)
        .join(Repository, Repository.id == Play.repo_id)
        .where(Play.id == play_id, Play.account_id == caller.account_id, visible_repos(caller))
        .execution_options(populate_existing=True)
    )


def lock(session: Session, play_id: int) -> Play | None:
    return session.get(Play, play_id, with_for_update=True, populate_existing=True)


def plays(
    session: Session, caller: Caller, repo_id: int | None, before: int | None, limit: int
) -> Sequence[Play]:
    """Return the caller's plays, the newest first."""
    statement = (
        select(Play)
        .join(Repository, Repository.id == Play.repo_id)
        .where(Play.account_id == caller.account_id, visible_repos(caller))
        .order_by(Play.id.desc())
        .limit(limit)
    )
    if repo_id is not None:
        statement = statement.where(Play.repo_id == repo_id)
    if before is not None:
        statement = statement.where(Play.id < before)
    return session.scalars(statement).all()


def repos_seen(
    session: Session, caller: Caller, repo_ids: Collection[int]
) -> dict[int, Repository]:
    found = session.scalars(
        select(Repository).where(Repository.id.in_(repo_ids), visible_repos(caller))
    )
    return {repo.id: repo for repo in found}


def repos(session: Session, repo_ids: Collection[int]) -> Sequence[Repository]:
    """Return them whoever may see them; for decisions about who may."""
    return session.scalars(select(Repository).where(Repository.id.in_(repo_ids))).all()


def jobs(session: Session, job_ids: Collection[int]) -> dict[int, Job]:
    return {job.id: job for job in session.scalars(select(Job).where(Job.id.in_(job_ids)))}


def ahead(session: Session, job: Job) -> int:
    """Return how many jobs are taken before this one, or are being worked on."""
    before = or_(Job.state == State.RUNNING, Job.urgent & (Job.id < job.id))
    return (
        session.scalar(
            select(func.count())
            .select_from(Job)
            .where(Job.queue == job.queue, IS_UNFINISHED, Job.id != job.id, before)
        )
        or 0
    )


def count_kept(session: Session, account_id: int) -> int:
    kept = (Play.account_id == account_id, Play.is_kept)
    return session.scalar(select(func.count()).select_from(Play).where(*kept)) or 0


def trim(session: Session, account_id: int, most: int) -> None:
    """Delete what is too old of an account's plays that it does not keep."""
    own = (Play.account_id == account_id, Play.is_kept.is_(False))
    last = session.scalar(
        select(Play.id).where(*own).order_by(Play.id.desc()).offset(most).limit(1)
    )
    if last is not None:
        statement = delete(Play).where(*own, Play.id <= last)
        session.execute(statement, execution_options=_QUIET)


def delete_before(session: Session, moment: datetime) -> None:
    statement = delete(Play).where(Play.created_at < moment, Play.is_kept.is_(False))
    session.execute(statement, execution_options=_QUIET)
