"""The playground: asking for a picture or text, watching it, keeping it."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from lorahub_server.access import Tx, can_write, require_login, require_scope
from lorahub_server.insight.playground import queries
from lorahub_server.insight.playground.errors import (
    NotDone,
    PlaygroundOff,
    PlayNotFound,
    PrivateStack,
    TooManyAtOnce,
    TooManyKept,
)
from lorahub_server.insight.playground.limits import KEPT_FOR, KEPT_MAX, PLAYS_MAX
from lorahub_server.insight.playground.model import Shown, Wish
from lorahub_server.insight.playground.queries import Row
from lorahub_server.insight.playground.stack import Ready, prepare
from lorahub_server.insight.playground.standing import is_made, named_in, shown
from lorahub_server.insight.playground.tables import Play
from lorahub_server.insight.previews import rendering
from lorahub_server.insight.previews import service as previews
from lorahub_server.insight.previews.recipe import ImageRecipe, TextRecipe, of_base, recipe_id
from lorahub_server.jobs import service as jobs
from lorahub_server.kit import pagination
from lorahub_server.kit.clock import now
from lorahub_server.kit.pagination import Page
from lorahub_server.repos.tables import Repository

_ORDER = "plays"


def must_be_counted(tx: Tx, repo: Repository, wish: Wish) -> bool:
    """Tell whether work is owed for a wish that can be fulfilled. Raises what `ask` does."""
    _require_player(tx)
    return not _is_made(tx.session, _recipes(prepare(tx, repo, wish), wish))


def ask(tx: Tx, repo: Repository, wish: Wish) -> Play:
    """Owe what is wished for, unless it is there already.

    Raises what `stack.prepare` does, PlaygroundOff and TooManyAtOnce.
    """
    account_id = _require_player(tx)
    ready = prepare(tx, repo, wish)
    recipes = _recipes(ready, wish)
    rendering.note(tx.session, recipes)
    play = Play(
        account_id=account_id,
        repo_id=repo.id,
        adapters=[
            {
                "repo_id": part.repo.id,
                "path": part.file.path,
                "sha256": part.file.sha256,
                "strength": part.strength,
            }
            for part in ready.parts
        ],
        render_id=recipe_id(recipes[0]),
        base_render_id=recipe_id(recipes[1]) if recipes[1:] else None,
        state="asked",
        is_kept=False,
        created_at=tx.now,
    )
    queries.lock_account(tx.session, account_id)
    if not _is_made(tx.session, recipes):
        most = tx.settings.plays_at_once
        if queries.unfinished(tx.session, account_id) >= most:
            raise TooManyAtOnce(most)
    tx.session.add(play)
    tx.session.flush()
    job = rendering.owe(
        tx.session,
        recipes,
        base_id=ready.held.base.id,
        repo_id=repo.id,
        account_id=account_id,
        urgent=True,
        dedup=key_of(play),
    )
    play.job_id = None if job is None else job.id
    queries.trim(tx.session, account_id, PLAYS_MAX)
    tx.session.flush()
    return play


def of_id(tx: Tx, play_id: int) -> Play:
    """Return a play of the caller's. Raises LoginRequired and PlayNotFound."""
    return row_of(tx, play_id).play


def row_of(tx: Tx, play_id: int) -> Row:
    """Return a play of the caller's with how it stands. Raises what `of_id` does."""
    require_login(tx.caller)
    found = queries.plays(tx.session, tx.caller, play_id=play_id)
    if not found:
        raise PlayNotFound
    return found[0]


def standing(tx: Tx, play_id: int) -> Shown:
    """Return a play of the caller's as they see it. Raises what `of_id` does."""
    (found,) = _seen(tx, [row_of(tx, play_id)])
    return found


def plays(
    tx: Tx, repo: Repository | None = None, cursor: str | None = None, limit: int | None = None
) -> Page[Shown]:
    """Return the caller's plays, the newest first; with a repository, those that began there."""
    page = rows(tx, repo, cursor, limit)
    return Page(_seen(tx, page.items), page.next_cursor)


def rows(
    tx: Tx, repo: Repository | None = None, cursor: str | None = None, limit: int | None = None
) -> Page[Row]:
    """Do what `plays` does, for one who asks for what they name by himself."""
    require_login(tx.caller)
    before = pagination.decode(cursor, _ORDER, int)[0] if cursor else None
    size = pagination.clamp_limit(limit)
    found = queries.plays(
        tx.session,
        tx.caller,
        repo_id=None if repo is None else repo.id,
        before=before if isinstance(before, int) else None,
        limit=size + 1,
    )
    page, following = pagination.cut(
        found, size, lambda row: pagination.encode(_ORDER, row.play.id)
    )
    return Page(page, following)


def _seen(tx: Tx, found: Sequence[Row]) -> list[Shown]:
    named = named_in([row.play for row in found])
    return shown(found, queries.repos_seen(tx.session, tx.caller, named) if named else {})


def cancel(tx: Tx, play: Play) -> None:
    """Give up waiting; what is made already stays so."""
    require_scope(tx.caller, "write")
    for job in jobs.unfinished_with(tx.session, [key_of(play)]):
        jobs.cancel(tx.session, job.id)
    row = queries.lock(tx.session, play.id)
    if row is not None and not is_made(tx.session, row):
        row.state = "cancelled"
        tx.session.flush()


def delete(tx: Tx, play: Play) -> None:
    """Take it off the caller's list. What was kept in a gallery stays there."""
    cancel(tx, play)
    tx.session.delete(play)
    tx.session.flush()


def keep(tx: Tx, play: Play) -> None:
    """Keep it in the gallery of its repository, if the caller may write there; else in their list.

    Raises NotDone, PrivateStack, TooManyKept and TooManyPreviews.
    """
    account = require_scope(tx.caller, "write")
    view = standing(tx, play.id)
    if view.state != "done":
        raise NotDone
    queries.lock_account(tx.session, account.id)
    if not play.is_kept and queries.count_kept(tx.session, account.id) >= KEPT_MAX:
        raise TooManyKept(KEPT_MAX)
    play.is_kept = True
    repo = tx.session.get_one(Repository, play.repo_id)
    if can_write(tx.caller, repo):
        _require_open_stack(tx, play, repo)
        first = play.adapters[0]
        row = previews.keep(
            tx,
            repo,
            play.render_id,
            base_render_id=play.base_render_id,
            caption=view.prompt[:300],
            sha256=first["sha256"],
            path=first["path"],
            strength=first["strength"],
        )
        play.preview_id = row.id
    tx.session.flush()


def may_keep_in_gallery(tx: Tx, repo: Repository) -> bool:
    return can_write(tx.caller, repo)


def collect(session: Session) -> None:
    """Forget what nobody kept for a while."""
    queries.delete_before(session, now() - KEPT_FOR)


def key_of(play: Play) -> str:
    return f"{queries.KEYS}{play.id}"


def _require_player(tx: Tx) -> int:
    account = require_scope(tx.caller, "write")
    if not tx.settings.plays_per_hour:
        raise PlaygroundOff
    return account.id


def _recipes(ready: Ready, wish: Wish) -> list[ImageRecipe | TextRecipe]:
    # Words say little without what the base would have said.
    alone = wish.with_base or ready.recipe.task == "text"
    base = of_base(ready.recipe)
    has_twin = alone and recipe_id(base) != recipe_id(ready.recipe)
    return [ready.recipe, base] if has_twin else [ready.recipe]


def _is_made(session: Session, recipes: Sequence[ImageRecipe | TextRecipe]) -> bool:
    wanted = [recipe_id(one) for one in recipes]
    found = rendering.state_of(session, wanted)
    return all(one in found and found[one].state == "done" for one in wanted)


def _require_open_stack(tx: Tx, play: Play, repo: Repository) -> None:
    """Refuse to name adapters in a gallery to people who may not have them."""
    others = {one["repo_id"] for one in play.adapters} - {repo.id}
    for other in queries.repos(tx.session, others):
        is_open = other.deleted_at is None and not other.private and not other.gated
        is_alike = repo.private and other.owner_id == repo.owner_id and not other.gated
        if not is_open and not is_alike:
            raise PrivateStack
