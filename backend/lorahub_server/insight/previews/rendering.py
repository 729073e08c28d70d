"""Owing renders, asking how they stand, recording what came of them.

A render is named by its recipe, so whatever asks for the same shares it. Who may see it is decided
by what shows it: a preview of a repository, or a play of an account.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from lorahub_server.insight.previews import queries, queries_pictures
from lorahub_server.insight.previews.model import MATURITIES, RENDERED, Made, PictureFacts
from lorahub_server.insight.previews.recipe import ImageRecipe, TextRecipe, recipe_id
from lorahub_server.insight.previews.tables import Picture, Render
from lorahub_server.insight.speed import service as speed
from lorahub_server.jobs import service as jobs
from lorahub_server.jobs.tables import Job
from lorahub_server.kit.clock import now
from lorahub_server.storage.keys import SMALL

KIND = "render"
_CODE_MAX, _MESSAGE_MAX, _TEXT_MAX = 64, 2000, 20_000


def owe(
    session: Session,
    recipes: Iterable[ImageRecipe | TextRecipe],
    *,
    base_id: str,
    repo_id: int | None = None,
    account_id: int | None = None,
    urgent: bool = False,
    dedup: str | None = None,
    again: bool = True,
) -> Job | None:
    """Owe what of these recipes is not made; None when all of it is there.

    What nobody shows is not made: rows that name the renders belong into the same transaction
    (`note` makes the renders' own rows first, where those refer to them).
    `again`: those that failed are tried once more.
    """
    ids = note(session, recipes)
    if again:
        queries.wait_again(session, ids)
    found = queries.renders(session, ids)
    waiting = [one for one in ids if found[one].state == "waiting"]
    if not waiting:
        return None
    return enqueue(
        session,
        waiting,
        base_id=base_id,
        repo_id=repo_id,
        account_id=account_id,
        urgent=urgent,
        dedup=dedup,
    )


def note(session: Session, recipes: Iterable[ImageRecipe | TextRecipe]) -> list[str]:
    """Make the rows of recipes that have none, so that others may refer to them; return the ids."""
    moment = now()
    wanted = {recipe_id(one): one for one in recipes}
    queries.insert_renders(
        session,
        [
            {
                "id": render_id,
                "recipe": one.model_dump(mode="json"),
                "base_id": one.base.id,
                "state": "waiting",
                "created_at": moment,
                "used_at": moment,
            }
            for render_id, one in wanted.items()
        ],
    )
    queries.touch_renders(session, wanted, moment)
    return list(wanted)


def enqueue(
    session: Session,
    ids: Sequence[str],
    *,
    base_id: str,
    repo_id: int | None,
    account_id: int | None,
    urgent: bool = False,
    dedup: str | None = None,
) -> Job:
    args: dict[str, Any] = {
        "renders": list(ids),
        "base": base_id,
        "repo": repo_id,
        "account": account_id,
        "dedup": dedup,
        "urgent": urgent,
    }
    return jobs.enqueue(
        session,
        KIND,
        args,
        dedup=dedup,
        repo_id=repo_id,
        account_id=account_id,
        queue="gpu",
        lane=base_id,
        urgent=urgent,
    )


def state_of(session: Session, render_ids: Collection[str]) -> dict[str, Made]:
    """Return how those renders stand that are known. The caller answers for who asks."""
    found = queries.renders(session, render_ids)
    pictures = queries.render_pictures(session, render_ids)
    return {key: made(one, pictures.get(key)) for key, one in found.items()}


def wanted(session: Session, render_ids: Sequence[str]) -> list[Render]:
    """Return those that still have to be made and that something shows, in the order given."""
    found = {one.id: one for one in queries.wanted_renders(session, render_ids)}
    return [found[one] for one in render_ids if one in found]


def begin_picture(session: Session, facts: PictureFacts, moment: datetime) -> None:
    """Note that these bytes are about to be put into the store, so that nobody clears them away."""
    queries_pictures.insert(session, facts, moment)


def record_picture(
    session: Session,
    render_id: str,
    facts: PictureFacts,
    told: dict[str, Any],
    rating: dict[str, Any] | None = None,
    text: str | None = None,
) -> bool:
    """Record a picture whose bytes are in the store; False when the render was made already."""
    row = _open(session, render_id)
    if row is None:
        return False
    row.picture = facts.sha256
    _finish(session, row, told, text)
    row.rating = rating
    maturity = (rating or {}).get("maturity")
    if maturity in MATURITIES:
        queries.rate_by_worker(session, render_id, str(maturity))
    session.flush()
    return True


def record_text(session: Session, render_id: str, text: str, told: dict[str, Any]) -> bool:
    """Record what a language model wrote; False when the render was made already."""
    row = _open(session, render_id)
    if row is None:
        return False
    _finish(session, row, told, text)
    session.flush()
    return True


def record_failure(session: Session, render_id: str, code: str, message: str) -> None:
    """Record why it can't be made; what was made before stays."""
    row = _open(session, render_id)
    if row is None:
        return
    row.state, row.finished_at = "failed", now()
    row.error_code = code[:_CODE_MAX]
    row.error_message = message[:_MESSAGE_MAX].replace("\0", "")
    session.flush()


def go_on(session: Session, args: dict[str, Any], left: Sequence[str]) -> None:
    """Owe the rest of a job that gave others their turn; owe the measuring after the last one."""
    if left:
        enqueue(
            session,
            left,
            base_id=args["base"],
            repo_id=args.get("repo"),
            account_id=args.get("account"),
            urgent=bool(args.get("urgent")),
            dedup=args.get("dedup"),
        )
    elif args.get("repo") is not None and not args.get("urgent"):
        _owe_measuring(session, int(args["repo"]), args.get("account"))


def _owe_measuring(session: Session, repo_id: int, account_id: int | None) -> None:
    """Owe measuring what each adapter of a set costs, once its pictures are there."""
    shown = queries.previews_of(session, repo_id, RENDERED)
    found = queries.renders(session, {one.render_id for one in shown if one.render_id})
    seen: set[tuple[str, str]] = set()
    for render in found.values():
        uses = render.recipe["adapters"]
        if render.state != "done" or len(uses) != 1:
            continue
        key = (str(uses[0]["sha256"]), render.base_id)
        if key not in seen:
            seen.add(key)
            more = {"config": uses[0]["config"], "repo_id": repo_id, "account_id": account_id}
            speed.owe(session, *key, **more)


def repos_showing(session: Session, render_id: str) -> Sequence[int]:
    return queries.repos_showing(session, render_id)


def made(row: Render, picture: Picture | None) -> Made:
    error = None
    if row.state == "failed":
        error = {
            "code": row.error_code or "render_failed",
            "message": row.error_message or "It could not be rendered.",
        }
    return Made(
        id=row.id,
        state="done" if row.state == "done" else "failed" if error else "waiting",
        recipe=row.recipe,
        picture=None if picture is None else picture_facts(picture),
        text=row.text,
        facts=row.facts,
        rating=row.rating,
        error=error,
    )


def picture_facts(picture: Picture) -> PictureFacts:
    return PictureFacts(
        sha256=picture.sha256,
        media_type=picture.media_type,
        size=picture.size,
        width=picture.width,
        height=picture.height,
        parameters=picture.parameters,
        copies=_copies(picture),
        has_all_copies=picture.copies is not None,
    )


def _copies(picture: Picture) -> dict[int, int]:
    if picture.copies is not None:
        return {int(width): size for width, size in picture.copies.items()}
    return {} if picture.small_size is None else {SMALL: picture.small_size}


def _open(session: Session, render_id: str) -> Render | None:
    row = queries.lock_render(session, render_id)
    return None if row is None or row.state == "done" else row


def _finish(session: Session, row: Render, told: dict[str, Any], text: str | None) -> None:
    del session
    row.state, row.finished_at = "done", now()
    row.facts = told
    row.text = None if text is None else text[:_TEXT_MAX].replace("\0", "\ufffd")
    row.error_code = row.error_message = None
