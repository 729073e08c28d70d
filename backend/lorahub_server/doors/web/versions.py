"""Two revisions side by side: the card, the files, and what happened to the weights."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from lorahub_server.access import Tx
from lorahub_server.community.discussions import changes
from lorahub_server.doors import links
from lorahub_server.doors.deps import ReadTx
from lorahub_server.doors.web import facts
from lorahub_server.doors.web.repo_pages import head_of
from lorahub_server.doors.web.view import page
from lorahub_server.insight.states import Standing, standings
from lorahub_server.insight.versions import WeightsChange, weights_changes
from lorahub_server.library.opening import open_repo
from lorahub_server.repos import diff, history, refs
from lorahub_server.repos.diff import Change
from lorahub_server.repos.history import CommitInfo
from lorahub_server.repos.tables import Repository

router = APIRouter()

# Commits to choose from, beside branches and tags; weights that are compared on one page.
_COMMITS = 30
_WEIGHTS = 8


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Weights:
    """An adapter file that changed; `change` None: one side is not inspected, `error` tells why."""

    path: str
    change: WeightsChange | None
    error: str | None


@router.get("/{owner}/{name}/versions")
def show(
    request: Request, tx: ReadTx, owner: str, name: str, old: str = "", new: str = ""
) -> Response:
    """Without `old`, the revision before `new`; without `new`, the default branch."""
    opened = open_repo(tx, owner, name, new or refs.HEAD)
    repo, after = opened.repo, opened.place.commit
    head = head_of(tx, repo, "history")
    lately = history.list_commits(tx, repo, opened.card.revision or after, limit=_COMMITS)
    before = refs.resolve(tx, repo, old) if old else _parent(tx, repo, lately, after)
    found = diff.compare(tx, repo, before, after)
    between = changes.between(tx, repo, found)
    return page(
        request,
        "versions.html",
        **head,
        old=old,
        new=new or repo.default_branch,
        before=before,
        after=after,
        choices=_choices(tx, repo, lately),
        between=between,
        older=_step(repo, before),
        newer=_step(repo, _child(lately, after)),
        weights=weights_of(tx, found, between.adapters),
        told=facts.told,
    )


def _parent(tx: Tx, repo: Repository, lately: Sequence[CommitInfo], commit: str) -> str | None:
    known = next((one for one in lately if one.oid == commit), None)
    return (known or history.get_commit(tx, repo, commit)).parent


def _child(lately: Sequence[CommitInfo], commit: str) -> str | None:
    return next((one.oid for one in lately if one.parent == commit), None)


def _step(repo: Repository, commit: str | None) -> str | None:
    """Return the page of what a commit changed; None where there is none."""
    place = links.repo(repo.owner.name, repo.name, "versions")
    return None if commit is None else links.query(place, new=commit)


def _choices(
    tx: Tx, repo: Repository, commits: Sequence[CommitInfo]
) -> list[tuple[str, list[Choice]]]:
    """Return what can be compared, in groups."""
    known = refs.list_refs(tx, repo)
    groups = [
        ("Tags", [Choice(ref.name, ref.name) for ref in known.tags]),
        ("Branches", [Choice(ref.name, ref.name) for ref in known.branches]),
        ("Commits", [Choice(one.oid, f"{one.oid[:8]} {one.title[:60]}") for one in commits]),
    ]
    return [(title, choices) for title, choices in groups if choices]


def weights_of(tx: Tx, found: Sequence[Change], adapters: Collection[str]) -> list[Weights]:
    """Return the adapter files that are there in both, and differ."""
    pairs = [
        (change.path, change.old.sha256, change.new.sha256)
        for change in found
        if change.kind == "changed"
        and change.path in adapters
        and change.old is not None
        and change.new is not None
    ]
    wanted = [(path, (old, new)) for path, old, new in pairs[:_WEIGHTS] if old and new]
    known = weights_changes(tx.session, [pair for _, pair in wanted])
    missing = {sha256 for _, pair in wanted if pair not in known for sha256 in pair}
    standing = standings(tx.session, missing)
    return [
        Weights(path, known.get(pair), _error(standing[one] for one in pair if one in missing))
        for path, pair in wanted
    ]


def _error(sides: Iterable[Standing]) -> str | None:
    return next((side.error["message"] for side in sides if side.error), None)
