"""All that pages and the API show of a repository's previews, in a bounded number of statements."""

from collections.abc import Sequence
from typing import Any

from lorahub.adapters.families import names
from lorahub_server.access import Tx, can_write, require_read
from lorahub_server.insight.bases import service as bases
from lorahub_server.insight.previews import plans, queries, rendering
from lorahub_server.insight.previews.errors import PreviewNotFound
from lorahub_server.insight.previews.limits import SHOWN_MAX
from lorahub_server.insight.previews.model import (
    RENDERED,
    BaseFacts,
    Gallery,
    Progress,
    SetState,
    Shown,
)
from lorahub_server.insight.previews.tables import PreviewSet
from lorahub_server.jobs import service as jobs
from lorahub_server.jobs.tables import Job, State
from lorahub_server.library.model import RepoCard
from lorahub_server.library.queries import entry_of
from lorahub_server.library.tables import LibraryEntry
from lorahub_server.repos.tables import Repository

# What tells of a repository: its row, or its card.
Known = LibraryEntry | RepoCard
_STATES: tuple[SetState, ...] = ("planned", "no_base", "refused", "none", "off")


def gallery(tx: Tx, repo: Repository, card: RepoCard | None = None) -> Gallery:
    """Return all previews of a repository for one who may read it; gated ones show them too.

    `card`: what the library tells of it, from one who knows it already.
    """
    require_read(tx.caller, repo)
    session = tx.session
    entry = card or entry_of(session, repo.id)
    is_empty = card is not None and card.has_previews is False
    wanted = None if is_empty else queries.set_of(session, repo.id)
    rows = [] if is_empty else queries.rows(session, repo.id, SHOWN_MAX)
    chosen = _cover_id(entry)
    shown = [_shown(row, chosen) for row in rows]
    family = (wanted.family if wanted else None) or (entry.family if entry else None)
    # Of the card's own family it is known when nothing is registered.
    has_none = card is not None and card.has_base is False and family == card.family
    held = [
        BaseFacts(one.base.id, one.base.title, one.base.family)
        for one in (bases.bases_for(session, family) if family and not has_none else [])
    ]
    state = _state(wanted, family, held)
    groups = {name: [one for one in shown if one.group == name] for name in _names()}
    code, message = _message(wanted, state, family, entry)
    may_edit = can_write(tx.caller, repo)
    return Gallery(
        state=state,
        family=family,
        base=_base(tx, shown, held, wanted),
        bases=held,
        code=code,
        message=message,
        cover=next((one for one in shown if one.is_cover), None),
        progress=_progress(tx, wanted, shown),
        prompts=wanted.prompts if wanted and may_edit else None,
        chosen_base=wanted.base_id if wanted and may_edit else None,
        may_edit=may_edit,
        has_any=wanted is not None or bool(shown),
        **groups,
    )


def of_id(tx: Tx, repo: Repository, preview_id: int) -> Shown:
    """Return a preview of a repository to one who may read it. Raises PreviewNotFound."""
    require_read(tx.caller, repo)
    found = queries.rows(tx.session, repo.id, 1, preview_id)
    if not found:
        raise PreviewNotFound
    return _shown(found[0], _cover_id(entry_of(tx.session, repo.id)))


def _names() -> tuple[str, ...]:
    return (*RENDERED, "uploaded", "kept")


def _shown(row: queries.Row, cover: int | None) -> Shown:
    one = row.preview
    return Shown(
        id=one.id,
        group=one.group,
        position=one.position,
        path=one.path,
        sha256=one.sha256,
        strength=one.strength,
        caption=one.caption,
        maturity=one.maturity,
        rated_by=one.rated_by,
        account=row.account,
        created_at=one.created_at,
        made=None if row.made is None else rendering.made(row.made, row.made_picture),
        base=None if row.base is None else rendering.made(row.base, row.base_picture),
        own_picture=(None if row.own_picture is None else rendering.picture_facts(row.own_picture)),
        is_cover=one.id == cover,
    )


def _cover_id(entry: Known | None) -> int | None:
    return None if entry is None else entry.cover_preview


def _state(wanted: PreviewSet | None, family: str | None, held: Sequence[BaseFacts]) -> SetState:
    if wanted is not None and wanted.state in _STATES:
        found = next(one for one in _STATES if one == wanted.state)
        if found in ("planned", "refused", "off"):
            return found
    # Not planned: either nobody could, or it is about to be.
    return "no_base" if family is not None and not held else "none"


def _message(
    wanted: PreviewSet | None,
    state: SetState,
    family: str | None,
    entry: Known | None,
) -> tuple[str | None, str | None]:
    if state == "refused" and wanted is not None:
        return wanted.error_code, wanted.error_message
    if state == "off":
        return "previews_off", "The owner wants no rendered previews here."
    if state == "no_base" and entry is not None and entry.adapters:
        return "no_base", (
            f"No worker of this hub holds a base model for {names.label(family or '')}, so nothing "
            "is rendered. An administrator can add one."
        )
    return None, None


def _base(
    tx: Tx, shown: Sequence[Shown], held: Sequence[BaseFacts], wanted: PreviewSet | None
) -> BaseFacts | None:
    """Return the base that the rendered previews were made with, or would be."""
    used = next((one.recipe for one in shown if one.group in RENDERED and one.recipe), None)
    if used is None:
        wished = wanted.base_id if wanted else None
        return next((one for one in held if one.id == wished), next(iter(held), None))
    base_id = str(used["base"]["id"])
    there = next((one for one in held if one.id == base_id), None)
    if there is not None:
        return there
    known = bases.find(tx.session, base_id)
    if known is None:
        return BaseFacts(base_id, base_id, "")
    return BaseFacts(known.id, known.title, known.family)


def _progress(tx: Tx, wanted: PreviewSet | None, shown: Sequence[Shown]) -> Progress | None:
    renders = {
        one.id: one
        for item in shown
        if item.group in RENDERED
        for one in (item.made, item.base)
        if one is not None
    }
    waiting = [one for one in renders.values() if one.state == "waiting"]
    if wanted is None or not waiting:
        return None
    counts: dict[str, Any] = {
        "pictures": len(renders) - len(waiting),
        "all_pictures": len(renders),
    }
    owed = jobs.unfinished_with(tx.session, [plans.dedup_key(wanted)])
    if owed:
        job = owed[0]
        told = (job.progress or {}) if job.state == State.RUNNING else {}
        return Progress(
            state="running" if job.state == State.RUNNING else "waiting",
            done=told.get("done"),
            total=told.get("total"),
            note=str(told.get("note") or ""),
            **counts,
        )
    return Progress("stopped", None, None, "", error=_why_stopped(tx, wanted), **counts)


def _why_stopped(tx: Tx, wanted: PreviewSet) -> dict[str, str]:
    key = plans.dedup_key(wanted)
    found: Sequence[Job] = jobs.jobs_of_repo(tx.session, wanted.repo_id)
    last = next((job for job in found if job.dedup == key), None)
    if last is not None and last.state == State.CANCELLED:
        return {"code": "cancelled", "message": "Somebody stopped the rendering."}
    if last is not None and last.error_code:
        return {"code": last.error_code, "message": last.error_message or "It failed."}
    return {"code": "stopped", "message": "The rendering stopped before its end."}
