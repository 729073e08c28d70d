"""Planning: what a repository's previews shall be, and owing what of them is not made yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy.orm import Session

from lorahub_server.access import Tx
from lorahub_server.access.caller import of_account
from lorahub_server.config import Settings
from lorahub_server.insight.bases import service as bases
from lorahub_server.insight.bases.service import Held
from lorahub_server.insight.previews import covers, planning, prompts, queries, rendering
from lorahub_server.insight.previews.limits import FILES_MAX
from lorahub_server.insight.previews.model import RENDERED
from lorahub_server.insight.previews.planning import File, Slot
from lorahub_server.insight.previews.queries_gallery import job_key
from lorahub_server.insight.previews.tables import Preview, PreviewSet
from lorahub_server.jobs import service as jobs
from lorahub_server.kit.clock import now
from lorahub_server.library import derive
from lorahub_server.library import queries as library_rows
from lorahub_server.library import service as library
from lorahub_server.library.model import AdapterDetails, Snapshot
from lorahub_server.repos import published, trees
from lorahub_server.repos.operations import read_config
from lorahub_server.repos.tables import Repository
from lorahub_server.storage import ObjectStore

_MESSAGE_MAX = 2000


@dataclass(frozen=True, slots=True)
class Refusal:
    code: str
    message: str


def plan(session: Session, repo_id: int) -> None:
    """Let the previews be what the head of the default branch and the owner want.

    The same input plans nothing. In a transaction of its own: whoever changes the input holds the
    lock of the library's entry, so that either this sees the change or is owed again.
    """
    entry = library_rows.lock_entry(session, repo_id)
    repo = session.get(Repository, repo_id)
    if entry is None or repo is None or repo.deleted_at is not None or entry.revision is None:
        return
    wanted = queries.lock_set(session, repo_id, now())
    if wanted.state == "off":
        return
    tx = _as_owner(session, repo)
    snapshot = library.at_revision(tx, repo, entry.revision)
    usable = [one for one in snapshot.adapters if is_usable(one)]
    if not usable and any(one.state in ("waiting", "running") for one in snapshot.adapters):
        return
    if not usable:
        refused = refusal_of(snapshot.adapters)
        _set(wanted, "refused" if refused else "none", entry.family, refused)
        _drop(session, repo_id, keep_shas=set())
    else:
        _plan_files(tx, repo, wanted, entry.revision, snapshot, usable)
    _forget_cover(session, wanted)
    session.flush()
    covers.choose(session, entry)


def is_usable(adapter: AdapterDetails) -> bool:
    return derive.file_health(adapter) == "ok"


def refusal_of(adapters: Sequence[AdapterDetails]) -> Refusal | None:
    """Return why none of the files can be rendered; None where there is none."""
    for one in adapters:
        if one.state == "failed":
            error = one.error or {}
            told = error.get("message") or "It could not be inspected."
            code = error.get("code") or "inspection_failed"
            return Refusal(code, f"{one.name} is not rendered: {told}")
    if adapters:
        message = (
            f"{adapters[0].name} is not rendered: it is damaged, with weights that are no numbers "
            "or all zero. Publish a sound file."
        )
        return Refusal("damaged", message)
    return None


def _plan_files(
    tx: Tx,
    repo: Repository,
    wanted: PreviewSet,
    revision: str,
    snapshot: Snapshot,
    usable: Sequence[AdapterDetails],
) -> None:
    session = tx.session
    family = usable[0].family
    held = choose_base(session, family, wanted.base_id)
    alike = [one for one in usable if one.family == family]
    files = [file_of(tx, repo, revision, one) for one in alike]
    shas = {one.sha256 for one in files}
    if held is None:
        # What was rendered of these files while somebody held their base stays.
        kept = _drop(session, repo.id, keep_shas=shas)
        if not kept:
            _set(wanted, "no_base", family, None)
        return
    by_sha = {one.sha256: one for one in reversed(files)}
    chosen = [one for one in files if by_sha[one.sha256] is one][:FILES_MAX]
    slots = planning.plan(held, chosen, _prompts(held, wanted, snapshot, family or ""))
    name = planning.made_from(slots)
    if wanted.state == "planned" and wanted.made_from == name:
        return
    _cancel_others(session, repo.id)
    rendering.note(session, planning.recipes_of(slots).values())
    _put(session, repo.id, slots, tx.now)
    wanted.made_from = name
    _set(wanted, "planned", family, None)
    session.flush()
    owe_missing(session, repo, wanted, again=False)


def owe_missing(session: Session, repo: Repository, wanted: PreviewSet, *, again: bool) -> bool:
    """Owe the renders that are not made; False when all are. `again`: failed ones too."""
    ids: dict[str, None] = {}
    for one in sorted(queries.previews_of(session, repo.id, RENDERED), key=_order):
        ids |= dict.fromkeys(name for name in (one.render_id, one.base_render_id) if name)
    if again:
        queries.wait_again(session, ids)
    found = queries.renders(session, ids)
    missing = [one for one in ids if one in found and found[one].state == "waiting"]
    for base_id in dict.fromkeys(found[one].base_id for one in missing):
        rendering.enqueue(
            session,
            [one for one in missing if found[one].base_id == base_id],
            base_id=base_id,
            repo_id=repo.id,
            account_id=repo.owner_id,
            dedup=dedup_key(wanted),
        )
    return bool(missing)


def dedup_key(wanted: PreviewSet) -> str:
    """Return the key under which the job that renders a set is owed once."""
    return str(job_key(rendering.KIND, str(wanted.repo_id), str(wanted.made_from)))


def choose_base(session: Session, family: str | None, wished: Any) -> Held | None:
    """Return the base that previews of a family are rendered with: the owner's choice if held.

    `wished`: its id, or a SELECT of it.
    """
    found = bases.bases_for(session, family, wished) if family is not None else []
    return next(iter(found), None)


def _prompts(
    held: Held, wanted: PreviewSet, snapshot: Snapshot, family: str
) -> list[prompts.Prompt]:
    if wanted.prompts:
        return prompts.of_owner(wanted.prompts)
    card = snapshot.card
    words = prompts.card_words(
        [widget.text for widget in card.widget], card.instance_prompt, snapshot.trigger_words
    )
    if held.base.task == "text":
        return prompts.for_texts(words)
    return prompts.for_pictures(family, words)


def file_of(tx: Tx, repo: Repository, revision: str, adapter: AdapterDetails) -> File:
    # The library keeps an excerpt of the configuration; here all counts that scales the weights.
    beside = trees.find_file(tx, repo, revision, published.beside(adapter.path))
    config = None
    if beside is not None and not beside.large:
        config = planning.meaning(read_config(trees.read_file(tx, repo, beside)))
    return File(adapter.path, adapter.sha256, adapter.layout, config)


def _put(session: Session, repo_id: int, slots: Sequence[Slot], moment: datetime) -> None:
    """Make these the rendered previews; those that stay the same keep their ids and ratings."""
    there = {
        (one.group, one.path, one.render_id, one.base_render_id): one
        for one in queries.previews_of(session, repo_id, RENDERED)
    }
    for slot in slots:
        old = there.pop((slot.group, slot.path, slot.render_id, slot.base_render_id), None)
        if old is not None:
            old.position, old.caption, old.strength = slot.position, slot.caption, slot.strength
            continue
        session.add(
            Preview(
                repo_id=repo_id,
                group=slot.group,
                position=slot.position,
                path=slot.path,
                sha256=slot.sha256,
                render_id=slot.render_id,
                base_render_id=slot.base_render_id,
                strength=slot.strength,
                caption=slot.caption,
                created_at=moment,
                **rated(session, slot.render_id),
            )
        )
    session.flush()
    known = {one.id for one in there.values()}
    listed = queries.previews_of(session, repo_id, RENDERED)
    named = {(s.group, s.path, s.render_id, s.base_render_id) for s in slots}
    known |= {
        one.id
        for one in listed
        if (one.group, one.path, one.render_id, one.base_render_id) not in named
    }
    queries.delete_previews(session, known)


def rated(session: Session, render_id: str) -> dict[str, str]:
    """Return the rating that a worker gave a render which is made already."""
    found = queries.renders(session, [render_id]).get(render_id)
    maturity = (found.rating or {}).get("maturity") if found is not None else None
    return {} if maturity is None else {"maturity": str(maturity), "rated_by": "worker"}


def _drop(session: Session, repo_id: int, *, keep_shas: set[str]) -> int:
    """Delete rendered previews of files that are gone; return how many stay."""
    found = queries.previews_of(session, repo_id, RENDERED)
    gone = [one.id for one in found if one.sha256 not in keep_shas]
    if gone:
        _cancel_others(session, repo_id)
    queries.delete_previews(session, gone)
    return len(found) - len(gone)


def _cancel_others(session: Session, repo_id: int) -> None:
    cancel_rendering(session, repo_id)


def cancel_rendering(session: Session, repo_id: int) -> int:
    """End the jobs that render a repository's set; return how many there were."""
    count = 0
    for job in jobs.unfinished_of_repo(session, repo_id, rendering.KIND):
        if not job.urgent:
            jobs.cancel(session, job.id)
            count += 1
    return count


def _forget_cover(session: Session, wanted: PreviewSet) -> None:
    if wanted.cover is not None and (
        queries.preview(session, wanted.repo_id, wanted.cover) is None
    ):
        wanted.cover = None


def _set(wanted: PreviewSet, state: str, family: str | None, refused: Refusal | None) -> None:
    wanted.state, wanted.family = state, family
    wanted.error_code = refused.code[:64] if refused else None
    wanted.error_message = refused.message[:_MESSAGE_MAX] if refused else None
    wanted.updated_at = now()
    if state != "planned":
        wanted.made_from = None


def _order(preview: Preview) -> tuple[int, int]:
    return RENDERED.index(preview.group), preview.position


def _as_owner(session: Session, repo: Repository) -> Tx:
    return Tx(
        session=session,
        caller=of_account(repo.owner),
        store=cast("ObjectStore", None),
        settings=cast("Settings", None),
        now=now(),
        request_id="",
    )
