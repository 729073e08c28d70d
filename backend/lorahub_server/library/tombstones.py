"""What a repository was, kept when it is deleted: shown where it stood, and found by its hashes."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from lorahub_server.access import Tx
from lorahub_server.insight import queries as inspections
from lorahub_server.kit.clock import iso
from lorahub_server.kit.errors import BadRequest
from lorahub_server.library import queries, queries_past
from lorahub_server.library.queries_past import SHA256
from lorahub_server.library.tables import LibraryEntry, Tombstone
from lorahub_server.repos.tables import Repository

REASON_MAX = 500
# Files that the stone itself shows, and former ones that are still found by their hashes.
_SHOWN = 20
_FOUND = 1000
OWNER, ADMINISTRATORS = "owner", "administrators"


def bury(tx: Tx, repo: Repository, reason: str, *, for_cause: bool) -> None:
    """Keep what a repository is, in the transaction that deletes it, before anything is gone.

    Of what is removed for cause only the name and the reason are kept.
    """
    stone = Tombstone(
        repo_id=repo.id, title="", trigger_words=[], files=[], reason=reason, for_cause=for_cause
    )
    entry = queries.entry_of(tx.session, repo.id)
    if for_cause or entry is None:
        queries_past.put_stone(tx.session, stone, [])
        return
    _describe(stone, entry)
    head = queries.files_of(tx.session, repo.id)[:_FOUND]
    past = queries_past.published_of(tx.session, repo.id, _FOUND)
    lay = {one.sha256: (one.path, one.size) for one in past}
    lay |= {one.sha256: (one.path, one.size) for one in head}
    known = inspections.hashes(tx.session, lay)
    stone.files = [
        {
            "path": one.path,
            "size": one.size,
            "sha256": one.sha256,
            "hashes": known.get(one.sha256, {SHA256: one.sha256}),
        }
        for one in head[:_SHOWN]
    ]
    rows = [
        {
            "value": value,
            "kind": kind,
            "repo_id": repo.id,
            "path": path,
            "sha256": sha256,
            "size": size,
        }
        for sha256, (path, size) in lay.items()
        for kind, value in {SHA256: sha256, **known.get(sha256, {})}.items()
    ]
    queries_past.put_stone(tx.session, stone, rows)


def checked_reason(text: str) -> str:
    """Return a reason as it is kept, or raise BadRequest."""
    reason = " ".join(text.split())
    if len(reason) > REASON_MAX:
        message = f"The reason has at most {REASON_MAX} characters. Shorten it."
        raise BadRequest(message, place="reason")
    return reason


def told(session: Session, repo: Repository) -> Mapping[str, Any] | None:
    """Return as JSON what those are told who come to a deleted repository that they might see.

    None: it was deleted before such things were kept.
    """
    stone = queries_past.stone_of(session, repo.id)
    if stone is None:
        return None
    assert repo.deleted_at is not None
    facts = {
        "repo": repo.full_name,
        "removed_by": ADMINISTRATORS if stone.for_cause else OWNER,
        "removed_at": iso(repo.deleted_at),
        "reason": stone.reason,
    }
    if stone.for_cause:
        return facts
    return {
        **facts,
        "title": stone.title,
        "family": stone.family,
        "base_model": stone.base_model,
        "license": stone.license,
        "trigger_words": stone.trigger_words,
        "files": stone.files,
        "published_at": iso(stone.published_at) if stone.published_at else None,
    }


def _describe(stone: Tombstone, entry: LibraryEntry) -> None:
    stone.title = entry.title
    stone.family = entry.family or entry.family_declared
    stone.base_model = entry.base_model
    stone.license = entry.license
    stone.trigger_words = list(entry.trigger_words)
    stone.published_at = entry.published_at
