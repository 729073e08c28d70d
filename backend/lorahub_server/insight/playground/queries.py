"""SQL of plays."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Text, and_, cast, delete, func, literal, or_, select, union_all
from sqlalchemy.orm import Session, aliased

from lorahub_server.access import Caller
from lorahub_server.access.rules import reading_ids
from lorahub_server.accounts.tables import Account
from lorahub_server.community.tables import Star
from lorahub_server.insight.playground.tables import Play
from lorahub_server.insight.previews.tables import Picture, Render
from lorahub_server.jobs.tables import IS_UNFINISHED, IS_UNFINISHED_JOB, UNFINISHED, Job, State
from lorahub_server.library.tables import LibraryEntry, Listing, SearchKey
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


def lock(session: Session, play_id: int) -> Play | None:
    return session.get(Play, play_id, with_for_update=True, populate_existing=True)


@dataclass(frozen=True, slots=True)
class Row:
    """A play with all that tells how it stands. `ahead`: jobs that are taken before its own."""

    play: Play
    made: Render
    base: Render | None
    made_picture: Picture | None
    base_picture: Picture | None
    open_job: Job | None
    first_job: Job | None
    ahead: int


def plays(
    session: Session,
    caller: Caller,
    *,
    repo_id: int | None = None,
    before: int | None = None,
    play_id: int | None = None,
    limit: int = 1,
) -> list[Row]:
    """Return the caller's plays whose repositories they may still see, the newest first."""
    made, base = aliased(Render), aliased(Render)
    of_made, of_base = aliased(Picture), aliased(Picture)
    first_job = aliased(Job)
    statement = (
        select(Play, made, base, of_made, of_base, Job, first_job, _ahead())
        .join(Repository, Repository.id == Play.repo_id)
        .join(made, made.id == Play.render_id)
        .outerjoin(base, base.id == Play.base_render_id)
        .outerjoin(of_made, of_made.sha256 == made.picture)
        .outerjoin(of_base, of_base.sha256 == base.picture)
        .outerjoin(Job, and_(Job.dedup == literal(KEYS) + cast(Play.id, Text), IS_UNFINISHED_JOB))
        .outerjoin(first_job, first_job.id == Play.job_id)
        .where(Play.account_id == caller.account_id, visible_repos(caller))
        .order_by(Play.id.desc())
        .limit(limit)
        .execution_options(populate_existing=True)
    )
    for column, value in ((Play.repo_id, repo_id), (Play.id, play_id)):
        if value is not None:
            statement = statement.where(column == value)
    if before is not None:
        statement = statement.where(Play.id < before)
    return [Row(*found) for found in session.execute(statement)]


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


def _ahead() -> Any:
    """Return a column: how many jobs are taken before a Job, or are being worked on."""
    other = aliased(Job)
    before = or_(other.state == State.RUNNING, other.urgent & (other.id < Job.id))
    return (
        select(func.count(other.id))
        .where(other.queue == Job.queue, other.state.in_(UNFINISHED), other.id != Job.id, before)
        .correlate(Job)
        .scalar_subquery()
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


@dataclass(frozen=True, slots=True)
class Known:
    """Repositories that may be stacked, the best first, with their titles; and those named."""

    offered: list[Repository]
    titles: dict[int, str]
    named: dict[int, Repository]


def beside(
    session: Session, caller: Caller, family: str | None, named: Collection[int], limit: int
) -> Known:
    """Return what the caller may see of a family: their own, what they starred, what is popular.

    And of the ids in `named` what they may see.
    """
    ways = [] if family is None else _of_family(caller, family, limit)
    if named:
        ways.append(
            select(Repository.id.label("id"), _rank(_NAMED)).where(Repository.id.in_(named))
        )
    if not ways:
        return Known([], {}, {})
    ranked = union_all(*(select(way.subquery()) for way in ways)).subquery()
    rows = session.execute(
        select(Repository, LibraryEntry.title, ranked.c.rank)
        .join(ranked, ranked.c.id == Repository.id)
        .join(LibraryEntry, LibraryEntry.repo_id == Repository.id)
        .where(visible_repos(caller))
        .order_by(ranked.c.rank, LibraryEntry.trending.desc(), Repository.id.desc())
    ).all()
    offered = {repo.id: repo for repo, _, rank in rows if rank != _NAMED}
    return Known(
        list(offered.values()),
        {repo.id: title for repo, title, _ in rows},
        {repo.id: repo for repo, _, rank in rows if rank == _NAMED},
    )


_OWN, _STARRED, _POPULAR, _NAMED = range(4)
# Of an account's own repositories, and of those it starred.
_LOOKED_AT = 500


def _of_family(caller: Caller, family: str, limit: int) -> list[Any]:
    popular = (
        select(Listing.repo_id.label("id"), _rank(_POPULAR))
        .join(SearchKey, SearchKey.id == Listing.key_id)
        .where(SearchKey.scope == 0, SearchKey.kind == "family", SearchKey.value == family)
        .order_by(Listing.trending.desc(), Listing.repo_id.desc())
        .limit(limit)
    )
    if caller.account_id is None:
        return [popular]
    # The newest of the account and its organisations: all of a family are too many to look through.
    own = select(Repository.id.label("id")).where(Repository.owner_id.in_(reading_ids(caller)))
    starred = select(Star.repo_id.label("id")).where(Star.account_id == caller.account_id)
    return [
        _among(own.order_by(Repository.id.desc()), family, _OWN, limit),
        _among(starred.order_by(Star.repo_id.desc()), family, _STARRED, limit),
        popular,
    ]


def _among(ids: Any, family: str, rank: int, limit: int) -> Any:
    some = ids.limit(_LOOKED_AT).subquery()
    return (
        select(some.c.id, _rank(rank))
        .join(LibraryEntry, LibraryEntry.repo_id == some.c.id)
        .where(LibraryEntry.family == family)
        .order_by(LibraryEntry.trending.desc(), LibraryEntry.repo_id.desc())
        .limit(limit)
    )


def _rank(number: int) -> Any:
    return literal(number).label("rank")
