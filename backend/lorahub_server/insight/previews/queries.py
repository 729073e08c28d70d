"""SQL of previews, their sets and renders. Pictures have `queries_pictures`."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from lorahub_server.access import Caller
from lorahub_server.insight.bases.tables import BaseModel
from lorahub_server.insight.playground.tables import Play
from lorahub_server.insight.previews.tables import Picture, Preview, PreviewSet, Render
from lorahub_server.kit import upsert
from lorahub_server.kit.many import among
from lorahub_server.repos.tables import Repository
from lorahub_server.repos.visibility import visible_repos

_QUIET = {"synchronize_session": False}


def set_of(session: Session, repo_id: int) -> PreviewSet | None:
    return session.get(PreviewSet, repo_id, populate_existing=True)


def wished_base(repo_id: int) -> Any:
    """Return a SELECT of the base that the owner wants."""
    wanted = select(PreviewSet.base_id).where(PreviewSet.repo_id == repo_id)
    return wanted.scalar_subquery()


def has_any(session: Session, repo_id: int) -> bool:
    """Tell whether the repository has a set or a preview."""
    wanted = exists().where(PreviewSet.repo_id == repo_id)
    kept = exists().where(Preview.repo_id == repo_id)
    return bool(session.scalar(select(or_(wanted, kept))))


def standing(session: Session, repo_id: int, family: str | None) -> tuple[bool, bool]:
    """Tell whether the repository has a set, and the hub a base of the family, held or not."""
    there = exists().where(PreviewSet.repo_id == repo_id)
    base = exists().where(BaseModel.family == family, BaseModel.enabled)
    has_set, has_base = session.execute(select(there, base)).one()
    return bool(has_set), bool(has_base)


def lock_set(session: Session, repo_id: int, moment: datetime) -> PreviewSet:
    """Return the set, locked till the end of the transaction; make it when it is not there."""
    values = {"repo_id": repo_id, "state": "none", "updated_at": moment}
    session.execute(upsert.insert(session, PreviewSet).values(values).on_conflict_do_nothing())
    found = session.get(PreviewSet, repo_id, with_for_update=True, populate_existing=True)
    assert found is not None
    return found


def previews_of(session: Session, repo_id: int, groups: Collection[str]) -> Sequence[Preview]:
    return session.scalars(
        select(Preview)
        .where(Preview.repo_id == repo_id, Preview.group.in_(groups))
        .order_by(Preview.id)
    ).all()


def preview(session: Session, repo_id: int, preview_id: int) -> Preview | None:
    return session.scalar(
        select(Preview).where(Preview.id == preview_id, Preview.repo_id == repo_id)
    )


def count(session: Session, repo_id: int, group: str) -> int:
    number = select(func.count()).select_from(Preview)
    found = session.scalar(number.where(Preview.repo_id == repo_id, Preview.group == group))
    return found or 0


def last_position(session: Session, repo_id: int, group: str) -> int:
    found = session.scalar(
        select(func.max(Preview.position)).where(Preview.repo_id == repo_id, Preview.group == group)
    )
    return -1 if found is None else int(found)


def delete_previews(session: Session, ids: Collection[int]) -> None:
    if ids:
        session.execute(delete(Preview).where(Preview.id.in_(ids)), execution_options=_QUIET)


def delete_of_repo(session: Session, repo_id: int) -> None:
    for table in (Preview, PreviewSet):
        session.execute(delete(table).where(table.repo_id == repo_id), execution_options=_QUIET)


def insert_renders(session: Session, values: Sequence[Mapping[str, Any]]) -> None:
    """Insert those renders that are not there, in an order in which nobody waits in a circle."""
    if values:
        rows = sorted((dict(one) for one in values), key=lambda one: str(one["id"]))
        session.execute(upsert.insert(session, Render).values(rows).on_conflict_do_nothing())


def renders(session: Session, ids: Collection[str]) -> dict[str, Render]:
    statement = select(Render).where(among(session, Render.id, ids))
    found = session.scalars(statement.execution_options(populate_existing=True))
    return {one.id: one for one in found}


def render_pictures(session: Session, ids: Collection[str]) -> dict[str, Picture]:
    """Return the pictures of renders by the renders' ids."""
    statement = (
        select(Render.id, Picture)
        .join(Picture, Picture.sha256 == Render.picture)
        .where(among(session, Render.id, ids))
    )
    return {found[0]: found[1] for found in session.execute(statement)}


def lock_render(session: Session, render_id: str) -> Render | None:
    return session.get(
        Render, render_id, with_for_update={"key_share": True}, populate_existing=True
    )


def touch_renders(session: Session, ids: Collection[str], moment: datetime) -> None:
    """Lock the renders, in an order that makes no circle, and let them count as used."""
    _lock_renders(session, ids)
    session.execute(
        update(Render).where(among(session, Render.id, ids)).values(used_at=moment),
        execution_options=_QUIET,
    )


def _lock_renders(session: Session, ids: Collection[str]) -> None:
    statement = select(Render.id).where(among(session, Render.id, ids)).order_by(Render.id)
    session.execute(statement.with_for_update(key_share=True, of=Render)).all()


def wait_again(session: Session, ids: Collection[str]) -> None:
    """Let renders that failed be tried again."""
    _lock_renders(session, ids)
    session.execute(
        update(Render)
        .where(among(session, Render.id, ids), Render.state == "failed")
        .values(state="waiting", error_code=None, error_message=None, finished_at=None),
        execution_options=_QUIET,
    )


def wanted_renders(session: Session, ids: Collection[str]) -> Sequence[Render]:
    """Return those that wait and that a preview or somebody at the playground still wants."""
    shown = exists().where(or_(Preview.render_id == Render.id, Preview.base_render_id == Render.id))
    asked = exists().where(
        or_(Play.render_id == Render.id, Play.base_render_id == Render.id), Play.state == "asked"
    )
    return session.scalars(
        select(Render).where(
            among(session, Render.id, ids), Render.state == "waiting", or_(shown, asked)
        )
    ).all()


def repos_showing(session: Session, render_id: str) -> Sequence[int]:
    return session.scalars(
        select(Preview.repo_id)
        .where(Preview.render_id == render_id)
        .distinct()
        .order_by(Preview.repo_id)
    ).all()


def rate_by_worker(session: Session, render_id: str, maturity: str) -> None:
    """Let the previews of a render have the classifier's rating, unless somebody rated them."""
    session.execute(
        update(Preview)
        .where(Preview.render_id == render_id, Preview.rated_by != "owner")
        .values(maturity=maturity, rated_by="worker"),
        execution_options=_QUIET,
    )


def first_picture(session: Session, repo_id: int, maturities: Collection[str]) -> int | None:
    """Return the first preview whose picture is there: a sample, else one that was uploaded."""
    for group in ("samples", "uploaded"):
        found = session.scalar(
            select(Preview.id)
            .outerjoin(Render, Render.id == Preview.render_id)
            .where(
                Preview.repo_id == repo_id,
                Preview.group == group,
                Preview.maturity.in_(maturities),
                or_(Preview.picture.is_not(None), Render.picture.is_not(None)),
            )
            .order_by(Preview.position, Preview.id)
            .limit(1)
        )
        if found is not None:
            return int(found)
    return None


def has_picture(
    session: Session, repo_id: int, preview_id: int, maturities: Collection[str]
) -> bool:
    """Tell whether a preview has a picture of one of these ratings."""
    found = session.scalar(
        select(Preview.id)
        .outerjoin(Render, Render.id == Preview.render_id)
        .where(
            Preview.id == preview_id,
            Preview.repo_id == repo_id,
            Preview.maturity.in_(maturities),
            or_(Preview.picture.is_not(None), Render.picture.is_not(None)),
        )
    )
    return found is not None


def files_seen(
    session: Session, caller: Caller, shas: Collection[str], first: int
) -> dict[str, tuple[Repository, str, str]]:
    """Return where the caller finds adapter files: the repository, a commit and the path.

    The repository with the id `first` is named before others that have the same file.
    """
    from lorahub_server.library.tables import AdapterFile, LibraryEntry

    statement = (
        select(AdapterFile.sha256, AdapterFile.path, LibraryEntry.revision, Repository)
        .join(Repository, Repository.id == AdapterFile.repo_id)
        .join(LibraryEntry, LibraryEntry.repo_id == Repository.id)
        .where(among(session, AdapterFile.sha256, shas), visible_repos(caller))
        .order_by(Repository.id != first, Repository.id, AdapterFile.path)
    )
    found: dict[str, tuple[Repository, str, str]] = {}
    for sha256, path, revision, repo in session.execute(statement):
        if revision is not None:
            found.setdefault(sha256, (repo, revision, path))
    return found


def repos_of_family(session: Session, family: str, after: int, limit: int) -> Sequence[int]:
    from lorahub_server.library.tables import LibraryEntry

    return session.scalars(
        select(LibraryEntry.repo_id)
        .where(LibraryEntry.family == family, LibraryEntry.repo_id > after)
        .order_by(LibraryEntry.repo_id)
        .limit(limit)
    ).all()
