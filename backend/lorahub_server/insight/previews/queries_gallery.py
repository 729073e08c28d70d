"""SQL of all that a repository's gallery shows, in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Text, case, cast, exists, func, literal, or_, select
from sqlalchemy.orm import Session, aliased

from lorahub_server.accounts.tables import Account
from lorahub_server.insight.bases.tables import BaseHolder, BaseModel
from lorahub_server.insight.previews.tables import Picture, Preview, PreviewSet, Render
from lorahub_server.jobs.tables import UNFINISHED, Job
from lorahub_server.kit import gather
from lorahub_server.library.tables import LibraryEntry
from lorahub_server.repos.tables import Repository


@dataclass(frozen=True, slots=True)
class Row:
    """A preview with all that belongs to it."""

    preview: Preview
    made: Render | None
    base: Render | None
    own_picture: Picture | None
    made_picture: Picture | None
    base_picture: Picture | None
    account: str | None


class KnownBase(NamedTuple):
    """A base of the registry; `is_held`: it is enabled, and a live worker has it."""

    created_at: str
    id: str
    title: str
    family: str
    is_held: bool


@dataclass(frozen=True, slots=True)
class Shelf:
    """`bases`: those of the family, and those that previews were made with, the oldest first.

    `job`: the one that renders the set, or was the last to do so.
    """

    wanted: PreviewSet | None = None
    job: Job | None = None
    bases: list[KnownBase] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)


def shelf(
    session: Session,
    repo_id: int,
    family: str | None,
    *,
    job_kind: str,
    held_since: datetime,
    limit: int,
) -> Shelf:
    """Return the previews of a repository in the order of pages, with all that belongs to them.

    `family`: whose bases are told where the set names none.
    """
    beside = (PreviewSet, Job, _bases(session, repo_id, family, held_since))
    there = (
        select(*beside)
        .select_from(Repository)
        .outerjoin(PreviewSet, PreviewSet.repo_id == Repository.id)
        .outerjoin(Job, Job.id == _last_job(job_kind))
        .outerjoin(Preview, Preview.repo_id == Repository.id)
        .where(Repository.id == repo_id)
        .order_by(Preview.group, Preview.position, Preview.id)
        .limit(limit)
    )
    found: Sequence[Any] = session.execute(_with_pictures(there)).all()
    if not found:
        return Shelf()
    wanted, job, bases = found[0][: len(beside)]
    return Shelf(
        wanted,
        job,
        sorted(KnownBase(*one) for one in gather.read_rows(bases)),
        [Row(*one[len(beside) :]) for one in found if one[len(beside)] is not None],
    )


def one(session: Session, repo_id: int, preview_id: int) -> tuple[Row, bool] | None:
    """Return a preview of a repository, and whether it is the repository's cover."""
    is_cover = exists().where(
        LibraryEntry.repo_id == Preview.repo_id, LibraryEntry.cover_preview == Preview.id
    )
    wanted = (Preview.id == preview_id, Preview.repo_id == repo_id)
    statement = _with_pictures(select(is_cover).select_from(Preview).where(*wanted))
    found = session.execute(statement).one_or_none()
    return None if found is None else (Row(*found[1:]), bool(found[0]))


def _with_pictures(previews: Any) -> Any:
    """Let a SELECT that has Preview among its tables return what a Row needs, last of all."""
    made, base = aliased(Render), aliased(Render)
    own, of_made, of_base = aliased(Picture), aliased(Picture), aliased(Picture)
    return (
        previews.add_columns(Preview, made, base, own, of_made, of_base, Account.name)
        .outerjoin(made, made.id == Preview.render_id)
        .outerjoin(base, base.id == Preview.base_render_id)
        .outerjoin(own, own.sha256 == Preview.picture)
        .outerjoin(of_made, of_made.sha256 == made.picture)
        .outerjoin(of_base, of_base.sha256 == base.picture)
        .outerjoin(Account, Account.id == Preview.account_id)
        .execution_options(populate_existing=True)
    )


def job_key(kind: Any, repo_id: Any, made_from: Any) -> Any:
    """Return the key under which the job that renders a set is owed once: of texts, or columns."""
    return kind + ":" + repo_id + ":" + made_from


def _last_job(kind: str) -> Any:
    """Return the id of the job that renders a PreviewSet, the unfinished one before others."""
    job = aliased(Job)
    key = job_key(literal(kind), cast(PreviewSet.repo_id, Text), PreviewSet.made_from)
    return (
        select(job.id)
        .where(job.repo_id == PreviewSet.repo_id, job.dedup == key)
        .order_by(case((job.state.in_(UNFINISHED), 0), else_=1), job.id.desc())
        .limit(1)
        .correlate(PreviewSet)
        .scalar_subquery()
    )


def _bases(session: Session, repo_id: int, family: str | None, held_since: datetime) -> Any:
    """Return the bases as one text of JSON: it is the same in every row."""
    of_set = select(PreviewSet.family).where(PreviewSet.repo_id == repo_id).scalar_subquery()
    used = (
        select(Render.base_id)
        .join(Preview, Preview.render_id == Render.id)
        .where(Preview.repo_id == repo_id)
    )
    holders = exists().where(BaseHolder.base_id == BaseModel.id, BaseHolder.seen_at > held_since)
    is_held = case((BaseModel.enabled & holders, 1), else_=0)
    facts = (BaseModel.created_at, BaseModel.id, BaseModel.title, BaseModel.family, is_held)
    is_wanted = or_(
        BaseModel.family == func.coalesce(of_set, literal(family, Text)), BaseModel.id.in_(used)
    )
    return select(gather.rows(session, *facts)).where(is_wanted).scalar_subquery()
