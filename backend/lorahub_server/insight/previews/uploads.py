"""Pictures that people upload: checked, kept as they are, shown in the gallery."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from lorahub_server.access import Tx
from lorahub_server.insight.previews import covers, jobs, queries, queries_pictures, rendering
from lorahub_server.insight.previews.errors import PictureTooLarge
from lorahub_server.insight.previews.heads import read_head
from lorahub_server.insight.previews.limits import PICTURE_MAX, UPLOADS_MAX
from lorahub_server.insight.previews.model import PictureFacts
from lorahub_server.insight.previews.service import (
    check_room,
    checked_caption,
    checked_maturity,
)
from lorahub_server.insight.previews.tables import Preview
from lorahub_server.insight.previews.told import parameters
from lorahub_server.library.queries import lock_entry
from lorahub_server.repos import service as repos
from lorahub_server.repos.tables import Repository
from lorahub_server.storage import ObjectStore
from lorahub_server.storage.keys import picture_key

GROUP = "uploaded"


@dataclass(frozen=True, slots=True)
class Words:
    """What people say about a picture."""

    caption: str = ""
    maturity: str = "unrated"


def check(data: bytes) -> PictureFacts:
    """Return what a file is, by its headers and texts alone. Raises BadPicture, PictureTooLarge."""
    if len(data) > PICTURE_MAX:
        raise too_large()
    head = read_head(data)
    return PictureFacts(
        sha256=hashlib.sha256(data).hexdigest(),
        media_type=head.media_type,
        size=len(data),
        width=head.width,
        height=head.height,
        parameters=parameters(head.texts),
    )


def too_large() -> PictureTooLarge:
    message = f"A picture has at most {PICTURE_MAX // 1024 // 1024} MB. Make it smaller."
    return PictureTooLarge(message, limit=PICTURE_MAX)


def begin(tx: Tx, repo: Repository, facts: PictureFacts, words: Words) -> None:
    """Check whatever can be refused; then `put`, then `finish`, each after the other's commit."""
    repos.lock_for_write(tx, repo)
    check_room(tx, repo, GROUP, UPLOADS_MAX)
    checked_caption(words.caption)
    checked_maturity(words.maturity)
    rendering.begin_picture(tx.session, facts, tx.now)


def put(store: ObjectStore, facts: PictureFacts, data: bytes) -> None:
    store.put(picture_key(facts.sha256), [data])


def finish(tx: Tx, repo: Repository, facts: PictureFacts, words: Words) -> Preview:
    """Show a picture whose bytes are in the store; the same one is shown once."""
    repos.lock_for_write(tx, repo)
    lock_entry(tx.session, repo.id)
    queries.lock_set(tx.session, repo.id, tx.now)
    there = queries.previews_of(tx.session, repo.id, [GROUP])
    same = next((one for one in there if one.picture == facts.sha256), None)
    if same is not None:
        return same
    check_room(tx, repo, GROUP, UPLOADS_MAX)
    maturity = checked_maturity(words.maturity)
    row = Preview(
        repo_id=repo.id,
        group=GROUP,
        position=queries.last_position(tx.session, repo.id, GROUP) + 1,
        picture=facts.sha256,
        caption=checked_caption(words.caption),
        maturity=maturity,
        rated_by="none" if maturity == "unrated" else "owner",
        account_id=tx.caller.account_id,
        created_at=tx.now,
    )
    tx.session.add(row)
    tx.session.flush()
    picture = queries_pictures.get(tx.session, facts.sha256)
    if picture is not None and picture.copies is None:
        jobs.owe_copies(tx.session, facts.sha256)
    covers.refresh(tx.session, repo.id)
    return row


def record_copies(session: Session, sha256: str, sizes: Mapping[int, int]) -> None:
    queries_pictures.set_copies(session, sha256, sizes)
