"""All that pages and the API show of a repository's previews, in a bounded number of statements."""

from collections.abc import Sequence
from typing import Any

from lorahub.adapters.families import names
from lorahub_server.access import Tx, can_write, require_read
from lorahub_server.insight.bases import service as bases
from lorahub_server.insight.previews import queries_gallery, rendering
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
from lorahub_server.insight.previews.queries_gallery import KnownBase, Row, Shelf
from lorahub_server.insight.previews.tables import PreviewSet
from lorahub_server.jobs.tables import UNFINISHED, Job, State
from lorahub_server.kit.clock import now
from lorahub_server.library.model import RepoCard
from lorahub_server.library.queries import entry_of
from lorahub_server.library.tables import LibraryEntry
from lorahub_server.repos.tables import Repository

# What tells of a repository: its row, or its card.
Known = LibraryEntry | RepoCard
_STATES: tuple[SetState, ...] = ("planned", "no_base", "refused", "none", "off")


def gallery(tx: Tx, repo: Repository, card: RepoCard | None = None) -> Gallery:
    """Return all previews of a repository for one who may read it; gated ones show them too.

    `card`: what the library tells of it, from one who knows it already. One statement with it.
    """
    require_read(tx.caller, repo)
    entry = card or entry_of(tx.session, repo.id)
    known = _shelf(tx, repo, entry, card)
    wanted = known.wanted
    chosen = None if entry is None else entry.cover_preview
    shown = [_shown(row, is_cover=row.preview.id == chosen) for row in known.rows]
    family = (wanted.family if wanted else None) or (entry.family if entry else None)
    held = [_facts(one) for one in known.bases if one.is_held and one.family == family]
    state = _state(wanted, family, held)
    groups = {name: [one for one in shown if one.group == name] for name in _names()}
    code, message = _message(wanted, state, family, entry)
    may_edit = can_write(tx.caller, repo)
    return Gallery(
        state=state,
        family=family,
        base=_base(known, shown, held),
        bases=held,
        code=code,
        message=message,
        cover=next((one for one in shown if one.is_cover), None),
        progress=_progress(known, shown),
        prompts=wanted.prompts if wanted and may_edit else None,
        chosen_base=wanted.base_id if wanted and may_edit else None,
        may_edit=may_edit,
        has_any=wanted is not None or bool(shown),
        **groups,
    )


def _shelf(tx: Tx, repo: Repository, entry: Known | None, card: RepoCard | None) -> Shelf:
    family = None if entry is None else entry.family
    if card is not None and card.has_previews is False and (card.has_base is False or not family):
        return Shelf()
    return queries_gallery.shelf(
        tx.session,
        repo.id,
        family,
        job_kind=rendering.KIND,
        held_since=now() - bases.HELD_FOR,
        limit=SHOWN_MAX,
    )


def of_id(tx: Tx, repo: Repository, preview_id: int) -> Shown:
    """Return a preview of a repository to one who may read it. Raises PreviewNotFound."""
    require_read(tx.caller, repo)
    found = queries_gallery.one(tx.session, repo.id, preview_id)
    if found is None:
        raise PreviewNotFound
    row, is_cover = found
    return _shown(row, is_cover=is_cover)


def _names() -> tuple[str, ...]:
    return (*RENDERED, "uploaded", "kept")


def _shown(row: Row, *, is_cover: bool) -> Shown:
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
        is_cover=is_cover,
    )


def _facts(base: KnownBase) -> BaseFacts:
    return BaseFacts(base.id, base.title, base.family)


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


def _base(known: Shelf, shown: Sequence[Shown], held: Sequence[BaseFacts]) -> BaseFacts | None:
    """Return the base that the rendered previews were made with, or would be."""
    used = next((one.recipe for one in shown if one.group in RENDERED and one.recipe), None)
    if used is None:
        wished = known.wanted.base_id if known.wanted else None
        return next((one for one in held if one.id == wished), next(iter(held), None))
    base_id = str(used["base"]["id"])
    there = (_facts(one) for one in known.bases if one.id == base_id)
    return next(there, BaseFacts(base_id, base_id, ""))


def _progress(known: Shelf, shown: Sequence[Shown]) -> Progress | None:
    renders = {
        one.id: one
        for item in shown
        if item.group in RENDERED
        for one in (item.made, item.base)
        if one is not None
    }
    waiting = [one for one in renders.values() if one.state == "waiting"]
    if known.wanted is None or not waiting:
        return None
    counts: dict[str, Any] = {
        "pictures": len(renders) - len(waiting),
        "all_pictures": len(renders),
    }
    job = known.job
    if job is None or job.state not in UNFINISHED:
        return Progress("stopped", None, None, "", error=_why_stopped(job), **counts)
    told = (job.progress or {}) if job.state == State.RUNNING else {}
    return Progress(
        state="running" if job.state == State.RUNNING else "waiting",
        done=told.get("done"),
        total=told.get("total"),
        note=str(told.get("note") or ""),
        **counts,
    )


def _why_stopped(last: Job | None) -> dict[str, str]:
    if last is not None and last.state == State.CANCELLED:
        return {"code": "cancelled", "message": "Somebody stopped the rendering."}
    if last is not None and last.error_code:
        return {"code": last.error_code, "message": last.error_message or "It failed."}
    return {"code": "stopped", "message": "The rendering stopped before its end."}
