"""SQL of pictures, and of clearing away what nothing shows."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, exists, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from lorahub_server.insight.playground.tables import Play
from lorahub_server.insight.previews.model import PictureFacts
from lorahub_server.insight.previews.tables import Picture, Preview, Render
from lorahub_server.kit import upsert
from lorahub_server.storage.keys import SMALL

_QUIET = {"synchronize_session": False}


def insert(session: Session, facts: PictureFacts, moment: datetime) -> None:
    """Insert the row; one that is there counts as new, so that it is not cleared away now."""
    values = {
        "sha256": facts.sha256,
        "media_type": facts.media_type,
        "size": facts.size,
        "width": facts.width,
        "height": facts.height,
        "parameters": facts.parameters,
        "created_at": moment,
    }
    session.execute(
        upsert.insert(session, Picture)
        .values(values)
        .on_conflict_do_update(index_elements=["sha256"], set_={"created_at": moment})
    )


def get(session: Session, sha256: str) -> Picture | None:
    return session.get(Picture, sha256, populate_existing=True)


def set_copies(session: Session, sha256: str, sizes: Mapping[int, int]) -> None:
    """Note the bytes of all copies of a picture by their widths."""
    values = {
        "copies": {str(width): size for width, size in sizes.items()},
        "small_size": sizes.get(SMALL),
    }
    session.execute(
        update(Picture).where(Picture.sha256 == sha256).values(**values),
        execution_options=_QUIET,
    )


def without_copies(session: Session, after: str, limit: int) -> Sequence[str]:
    """Return pictures that have no note of their copies, in the order of their ids."""
    return session.scalars(
        select(Picture.sha256)
        .where(Picture.copies.is_(None), Picture.sha256 > after)
        .order_by(Picture.sha256)
        .limit(limit)
    ).all()


def cover_of(session: Session, repo_id: int, sha256: str) -> Picture | None:
    """Return the picture if it is the file that stands for the repository."""
    from lorahub_server.library.tables import LibraryEntry

    return session.scalar(
        select(Picture)
        .join(LibraryEntry, LibraryEntry.cover_picture == Picture.sha256)
        .where(LibraryEntry.repo_id == repo_id, Picture.sha256 == sha256)
    )


def known(session: Session, shas: Collection[str]) -> set[str]:
    return set(session.scalars(select(Picture.sha256).where(Picture.sha256.in_(shas))))


def unused_renders(session: Session, before: datetime, limit: int) -> Sequence[str]:
    return session.scalars(
        select(Render.id).where(_idle(before)).order_by(Render.used_at).limit(limit)
    ).all()


def delete_render(session: Session, render_id: str, before: datetime) -> bool:
    """Delete it if still nothing shows it; False when something does, or it is gone."""
    row = session.scalars(
        select(Render).where(Render.id == render_id, _idle(before)).with_for_update(of=Render)
    ).one_or_none()
    # Only now: before the lock was held, somebody may have been about to show it.
    if row is None or _is_shown(session, render_id):
        return False
    session.execute(delete(Render).where(Render.id == render_id), execution_options=_QUIET)
    return True


def unused_pictures(session: Session, before: datetime, limit: int) -> Sequence[str]:
    return session.scalars(
        select(Picture.sha256)
        .where(Picture.created_at < before, ~_used_picture())
        .order_by(Picture.created_at)
        .limit(limit)
    ).all()


def delete_picture(session: Session, sha256: str, before: datetime) -> bool:
    """Delete the row if nothing refers to it, leaving it locked for everybody else."""
    row = session.scalars(
        select(Picture)
        .where(Picture.sha256 == sha256, Picture.created_at < before)
        .with_for_update()
    ).one_or_none()
    if row is None:
        return False
    if session.scalar(select(_used(sha256))):
        return False
    session.execute(delete(Picture).where(Picture.sha256 == sha256), execution_options=_QUIET)
    return True


def _idle(before: datetime) -> ColumnElement[bool]:
    shown = exists().where(or_(Preview.render_id == Render.id, Preview.base_render_id == Render.id))
    played = exists().where(or_(Play.render_id == Render.id, Play.base_render_id == Render.id))
    return and_(Render.used_at < before, ~shown, ~played)


def _is_shown(session: Session, render_id: str) -> bool:
    shown = or_(
        exists().where(Preview.render_id == render_id),
        exists().where(Preview.base_render_id == render_id),
        exists().where(Play.render_id == render_id),
        exists().where(Play.base_render_id == render_id),
    )
    return bool(session.scalar(select(shown)))


def _used_picture() -> ColumnElement[bool]:
    return _used(Picture.sha256)


def _used(sha256: str | InstrumentedAttribute[str]) -> ColumnElement[bool]:
    from lorahub_server.library.tables import LibraryEntry

    return or_(
        exists().where(Render.picture == sha256),
        exists().where(Preview.picture == sha256),
        exists().where(LibraryEntry.cover_picture == sha256),
    )
