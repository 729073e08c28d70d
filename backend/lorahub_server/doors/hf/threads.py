"""Discussions and pull requests in the form that Hugging Face's clients read.

Of an account that is gone nothing is told: clients take a missing author for a deleted one.
"""

from collections.abc import Sequence
from typing import Any

from fastapi import Request

from lorahub_server.access import Tx
from lorahub_server.accounts.tables import Account
from lorahub_server.community.discussions import pulls, service
from lorahub_server.community.discussions.tables import CommentVersion, Thread, ThreadEvent
from lorahub_server.doors.hf.shapes import avatar, moment
from lorahub_server.doors.web.comments import html_of, text_of
from lorahub_server.repos import diff_text, refs
from lorahub_server.repos.tables import Repository

_MERGED = "merged"


def event_id(number: int) -> str:
    return f"{number:024x}"


def listed(request: Request, repo: Repository, thread: Thread) -> dict[str, Any]:
    return {
        "num": thread.num,
        "title": thread.title,
        "status": thread.status,
        "isPullRequest": thread.is_pull,
        "createdAt": moment(thread.created_at),
        "repo": {"name": repo.full_name, "type": "model"},
        "numComments": thread.comments,
        "pinned": False,
        **_author(request, repo, thread.author),
    }


def whole(request: Request, tx: Tx, repo: Repository, thread: Thread) -> dict[str, Any]:
    """Return a thread with everything in it."""
    happened = service.events_of(tx, thread)
    versions = service.versions_of(tx, happened)
    shown = listed(request, repo, thread)
    shown["events"] = [event(request, repo, one, versions.get(one.id, [])) for one in happened]
    if thread.is_pull:
        state = pulls.state(tx, repo, thread)
        shown["changes"] = {"base": refs.BRANCHES + (thread.target or "")}
        if thread.status == _MERGED:
            shown["changes"]["mergeCommitId"] = thread.merge_oid
        shown["filesWithConflicts"] = list(state.conflicts)
        shown["diff"] = diff_text.unified(diff_text.read(tx, repo, state.changes)[0])
    return shown


def event(
    request: Request, repo: Repository, event: ThreadEvent, versions: Sequence[CommentVersion] = ()
) -> dict[str, Any]:
    shown = {
        "id": event_id(event.id),
        "type": event.kind,
        "createdAt": moment(event.created_at),
        "data": dict(event.data or {}),
        **_author(request, repo, event.author),
    }
    if event.kind == "comment":
        shown["data"] = _comment(request, repo, event, versions)
    return shown


def _comment(
    request: Request, repo: Repository, event: ThreadEvent, versions: Sequence[CommentVersion]
) -> dict[str, Any]:
    author = _author(request, repo, event.author)

    def version(text: str, when: Any) -> dict[str, Any]:
        html = str(html_of(repo, text))
        return {"raw": text, "html": html, "updatedAt": moment(when), **author}

    return {
        "edited": event.edits > 0,
        "hidden": event.hidden_at is not None,
        "numEdits": event.edits,
        "latest": version(text_of(event), event.edited_at or event.created_at),
        "history": [version(one.text, one.created_at) for one in reversed(versions)],
    }


def _author(request: Request, repo: Repository, account: Account) -> dict[str, Any]:
    if account.deleted_at is not None:
        return {}
    return {
        "author": {
            "name": account.name,
            "fullname": account.display_name or account.name,
            "avatarUrl": avatar(request, account.name),
            "type": "user",
            "isOwner": account.id == repo.owner_id,
        }
    }
