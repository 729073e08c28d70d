"""Two revisions side by side: the card, the files, and what happened to the weights."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from lorahub_server.community.discussions import changes
from lorahub_server.doors import links
from lorahub_server.doors.deps import ReadTx
from lorahub_server.doors.web import facts
from lorahub_server.doors.web.repo_pages import head_of
from lorahub_server.doors.web.view import page
from lorahub_server.library.opening import open_pair
from lorahub_server.repos import diff, history, refs
from lorahub_server.repos.history import CommitInfo
from lorahub_server.repos.refs import RefList
from lorahub_server.repos.tables import Repository

router = APIRouter()

# Commits to choose from, beside branches and tags.
_COMMITS = 30


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: str


@router.get("/{owner}/{name}/versions")
def show(
    request: Request, tx: ReadTx, owner: str, name: str, old: str = "", new: str = ""
) -> Response:
    """Without `old`, the revision before `new`; without `new`, the default branch."""
    opened = open_pair(tx, owner, name, new or refs.HEAD, old or None, with_refs=True)
    repo, after, before = opened.repo, opened.place.commit, opened.before
    head = head_of(tx, repo, "history")
    newest = head["repo"].revision or after
    lately = history.list_commits(tx, repo, newest, limit=_COMMITS)
    between = changes.between(tx, repo, diff.compare(tx, repo, before, after), with_weights=True)
    return page(
        request,
        "versions.html",
        **head,
        old=old,
        new=new or repo.default_branch,
        before=before,
        after=after,
        choices=_choices(opened.refs, lately),
        between=between,
        older=_step(repo, before),
        newer=_step(repo, _child(lately, after)),
        weights=between.weights,
        told=facts.told,
    )


def _child(lately: Sequence[CommitInfo], commit: str) -> str | None:
    return next((one.oid for one in lately if one.parent == commit), None)


def _step(repo: Repository, commit: str | None) -> str | None:
    """Return the page of what a commit changed; None where there is none."""
    place = links.repo(repo.owner.name, repo.name, "versions")
    return None if commit is None else links.query(place, new=commit)


def _choices(known: RefList, commits: Sequence[CommitInfo]) -> list[tuple[str, list[Choice]]]:
    """Return what can be compared, in groups."""
    groups = [
        ("Tags", [Choice(ref.name, ref.name) for ref in known.tags]),
        ("Branches", [Choice(ref.name, ref.name) for ref in known.branches]),
        ("Commits", [Choice(one.oid, f"{one.oid[:8]} {one.title[:60]}") for one in commits]),
    ]
    return [(title, choices) for title, choices in groups if choices]
