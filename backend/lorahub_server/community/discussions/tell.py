"""Webhooks and whoever else listens hear of discussions, in the transaction that changes them."""

from typing import Any, Literal
from urllib.parse import quote

from lorahub_server.access import Tx
from lorahub_server.community.discussions.tables import Thread, ThreadEvent
from lorahub_server.repos import events, refs
from lorahub_server.repos.events import Action, Event, Scope
from lorahub_server.repos.tables import Repository


def began(tx: Tx, repo: Repository, thread: Thread, comment: ThreadEvent) -> None:
    _tell(tx, repo, "discussion", "create", thread, comment)


def changed(tx: Tx, repo: Repository, thread: Thread) -> None:
    _tell(tx, repo, "discussion", "update", thread)


def said(
    tx: Tx,
    repo: Repository,
    thread: Thread,
    comment: ThreadEvent,
    action: Literal["create", "update"] = "create",
) -> None:
    _tell(tx, repo, "discussion.comment", action, thread, comment)


def _tell(
    tx: Tx,
    repo: Repository,
    scope: Scope,
    action: Action,
    thread: Thread,
    comment: ThreadEvent | None = None,
) -> None:
    place = f"{quote(repo.owner.name)}/{quote(repo.name)}/discussions/{thread.num}"
    facts: dict[str, Any] = {"discussion": _thread(thread, place)}
    if comment is not None:
        facts["comment"] = {
            "id": comment.id,
            "author": {"id": comment.author_id},
            "content": "" if comment.hidden_at else comment.text,
            "hidden": comment.hidden_at is not None,
            "url": {"web": f"/{place}#comment-{comment.id}"},
        }
    events.tell(tx, Event(scope, action, repo, facts=facts))


def _thread(thread: Thread, place: str) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": thread.id,
        "num": thread.num,
        "title": thread.title,
        "status": thread.status,
        "isPullRequest": thread.is_pull,
        "author": {"id": thread.author_id},
        "url": {"web": f"/{place}", "api": f"/api/models/{place}"},
    }
    if thread.target is not None:
        shown["changes"] = {"base": refs.BRANCHES + thread.target}
        if thread.merge_oid is not None:
            shown["changes"]["mergeCommitId"] = thread.merge_oid
    return shown
