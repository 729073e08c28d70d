"""Two revisions side by side: the card, the files, and what happened to the weights."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from lorahub_server.access import Tx
from lorahub_server.community.discussions import changes
from lorahub_server.doors.deps import ReadTx
from lorahub_server.doors.web import facts
from lorahub_server.doors.web.repo_pages import head_of
from lorahub_server.doors.web.view import page
from lorahub_server.insight.states import standings
from lorahub_server.insight.versions import WeightsChange, weights_change
from lorahub_server.repos import diff, history, refs, service
from lorahub_server.repos.diff import Change
from lorahub_server.repos.errors import RevisionNotFound
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
    repo = service.get_repo(tx, owner, name)
    head = head_of(tx, repo, "history")
    if head["repo"].revision is None:
        raise RevisionNotFound("The repository has no revision yet.")
    after = refs.resolve(tx, repo, new or repo.default_branch)
    before = refs.resolve(tx, repo, old) if old else history.get_commit(tx, repo, after).parent
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
        choices=_choices(tx, repo),
        between=between,
        weights=weights_of(tx, found, between.adapters),
        told=facts.told,
    )


def _choices(tx: Tx, repo: Repository) -> list[tuple[str, list[Choice]]]:
    """Return what can be compared, in groups."""
    known = refs.list_refs(tx, repo)
    tip = refs.resolve(tx, repo, repo.default_branch)
    commits = history.list_commits(tx, repo, tip, limit=_COMMITS)
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
    return [_weighed(tx, path, old, new) for path, old, new in pairs[:_WEIGHTS] if old and new]


def _weighed(tx: Tx, path: str, old: str, new: str) -> Weights:
    change = weights_change(tx.session, old, new)
    errors = []
    if change is None:
        found = standings(tx.session, [old, new])
        errors = [error["message"] for sha in (old, new) if (error := found[sha].error)]
    return Weights(path, change, errors[0] if errors else None)
