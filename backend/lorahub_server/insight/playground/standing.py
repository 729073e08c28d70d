"""How plays stand, many at once, in a bounded number of statements."""

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from lorahub_server.insight.playground.model import Shown, Stacked, State
from lorahub_server.insight.playground.queries import Row
from lorahub_server.insight.playground.tables import Play
from lorahub_server.insight.previews import rendering
from lorahub_server.insight.previews.model import Made
from lorahub_server.jobs.tables import Job
from lorahub_server.jobs.tables import State as JobState
from lorahub_server.repos.tables import Repository

_STOPPED = {"code": "stopped", "message": "It was not rendered. Ask again."}


def named_in(plays: Sequence[Play]) -> set[int]:
    """Return the repositories that plays name."""
    return {play.repo_id for play in plays} | {
        int(one["repo_id"]) for play in plays for one in play.adapters
    }


def shown(rows: Sequence[Row], seen: Mapping[int, Repository]) -> list[Shown]:
    """Return plays as their account sees them; `seen`: what it may see of those in `named_in`."""
    return [_one(row, seen) for row in rows]


def is_made(session: Session, play: Play) -> bool:
    found = rendering.state_of(session, _renders(play))
    return all(one in found and found[one].state == "done" for one in _renders(play))


def _renders(play: Play) -> list[str]:
    return [one for one in (play.render_id, play.base_render_id) if one is not None]


def _one(row: Row, seen: Mapping[int, Repository]) -> Shown:
    play, job = row.play, row.open_job
    made = rendering.made(row.made, row.made_picture)
    base = None if row.base is None else rendering.made(row.base, row.base_picture)
    renders = [one for one in (made, base) if one is not None]
    state, error = _state(play, renders, job, row.first_job)
    progress = (job.progress or {}) if job is not None and state == "running" else {}
    repo = seen[play.repo_id]
    return Shown(
        id=play.id,
        owner=repo.owner.name,
        name=repo.name,
        state=state,
        adapters=[_stacked(one, seen) for one in play.adapters],
        made=made,
        base=base,
        ahead=row.ahead if job is not None and state == "waiting" else None,
        done=progress.get("done"),
        total=progress.get("total"),
        error=error,
        is_kept=play.is_kept,
        preview_id=play.preview_id,
        created_at=play.created_at,
    )


def _state(
    play: Play, renders: Sequence[Made], job: Job | None, ended: Job | None
) -> tuple[State, dict[str, str] | None]:
    if all(one.state == "done" for one in renders):
        return "done", None
    failed = next((one for one in renders if one.state == "failed"), None)
    if failed is not None and job is None:
        return "failed", failed.error
    if play.state == "cancelled":
        return "cancelled", None
    if job is not None:
        return ("running" if job.state == JobState.RUNNING else "waiting"), None
    if ended is not None and ended.error_code:
        message = ended.error_message or _STOPPED["message"]
        return "failed", {"code": ended.error_code, "message": message}
    return "failed", dict(_STOPPED)


def _stacked(part: Mapping[str, object], seen: Mapping[int, Repository]) -> Stacked:
    repo_id = part["repo_id"]
    repo = seen.get(repo_id) if isinstance(repo_id, int) else None
    strength = part["strength"]
    return Stacked(
        repo=None if repo is None else repo.full_name,
        path=None if repo is None else str(part["path"]),
        sha256=str(part["sha256"]),
        strength=float(strength) if isinstance(strength, int | float) else 1.0,
    )
