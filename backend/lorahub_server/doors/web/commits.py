"""The history of a repository or of one of its files, and what one commit changed."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from fastapi import APIRouter, Request, Response

from lorahub_server.access import Tx
from lorahub_server.community.discussions import changes
from lorahub_server.doors import links
from lorahub_server.doors.deps import ReadTx
from lorahub_server.doors.web import facts, words
from lorahub_server.doors.web.repo_pages import head_of, repo_and_head, repo_at
from lorahub_server.doors.web.view import page, redirect
from lorahub_server.library.opening import open_pair
from lorahub_server.repos import blame, diff, history, refs
from lorahub_server.repos.history import CommitInfo
from lorahub_server.repos.tables import Repository

router = APIRouter()

_COMMITS = 50


@router.get("/{owner}/{name}/commits")
def show_history(tx: ReadTx, owner: str, name: str) -> Response:
    repo, _ = repo_and_head(tx, owner, name, "history")
    return redirect(links.commits(repo.owner.name, repo.name, repo.default_branch))


@router.get("/{owner}/{name}/commits/{revision}")
@router.get("/{owner}/{name}/commits/{revision}/{path:path}")
def show_commits(
    request: Request,
    tx: ReadTx,
    owner: str,
    name: str,
    revision: str,
    path: str = "",
    after: str = "",
) -> Response:
    """`path`: only the commits that changed this file or folder."""
    repo, head, place = repo_at(tx, owner, name, revision, "history")
    found, kinds, last = _found(tx, repo, place.commit, path, after or None)
    address = links.commits(repo.owner.name, repo.name, revision, path)
    return page(
        request,
        "commits.html",
        **head,
        refs=refs.list_refs(tx, repo),
        revision=revision,
        path=path,
        days=[(words.day(at[0].created_at), at) for at in _by_day(found)],
        kinds=kinds,
        next=links.query(address, after=last) if last else None,
    )


@router.get("/{owner}/{name}/commit/{revision}")
def show_commit(request: Request, tx: ReadTx, owner: str, name: str, revision: str) -> Response:
    """What a commit says, and what differs from the one before it."""
    opened = open_pair(tx, owner, name, revision, None)
    repo, commit = opened.repo, opened.commit
    found = diff.compare(tx, repo, opened.before, commit.oid)
    between = changes.between(tx, repo, found, with_weights=True)
    return page(
        request,
        "commit.html",
        **head_of(tx, repo, "history"),
        commit=commit,
        counts=_counts(between),
        between=between,
        after=commit.oid,
        weights=between.weights,
        told=facts.told,
    )


def _found(
    tx: Tx, repo: Repository, oid: str, path: str, after: str | None
) -> tuple[Sequence[CommitInfo], dict[str, str], str | None]:
    """Return commits, what they did to the path by their ids, and after which one to go on."""
    if path:
        touched = blame.touches(tx, repo, oid, path, limit=_COMMITS, after=after)
        kinds = {one.commit.oid: str(one.kind) for one in touched.found}
        return [one.commit for one in touched.found], kinds, touched.after
    found = history.list_commits(tx, repo, oid, limit=_COMMITS, after=after)
    last = found[-1] if found else None
    return found, {}, last.oid if last and last.parent else None


def _by_day(commits: Sequence[CommitInfo]) -> list[list[CommitInfo]]:
    def day(commit: CommitInfo) -> datetime:
        return commit.created_at.replace(hour=0, minute=0, second=0, microsecond=0)

    return [list(group) for _, group in groupby(commits, day)]


def _counts(between: changes.Between) -> str:
    """Return how much differs, in words: 3 files, 12 lines more, 4 less."""
    added = sum(file.added for file in between.files if not file.is_large)
    removed = sum(file.removed for file in between.files if not file.is_large)
    told = [words.many(len(between.files), "file")]
    if added:
        told.append(f"{words.many(added, 'line')} more")
    if removed:
        told.append(f"{words.many(removed, 'line')} less")
    return ", ".join(told)
