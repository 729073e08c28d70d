"""Spaces that clients send chunks to, and the short-lived tokens that open them."""

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from lorahub_server.access import Caller, Tx, require_read, require_scope, require_write
from lorahub_server.blobs.queries import lock_account
from lorahub_server.blobs.xet import queries
from lorahub_server.blobs.xet.errors import SpaceGone, XetTokenInvalid
from lorahub_server.blobs.xet.jobs import schedule_collect
from lorahub_server.blobs.xet.limits import SPACE_FRESH, TOKEN_LIFE, TOKEN_TOLD
from lorahub_server.blobs.xet.tables import XetSpace
from lorahub_server.config import Settings
from lorahub_server.kit.tokens import keyed_hash
from lorahub_server.repos.tables import Repository

_PURPOSE = "xet-write"
_TOKEN = re.compile(r"([0-9a-f]{32})\.([0-9]{1,12})\.([0-9a-f]{64})")
# A space that fills more of an account's room than this share goes on only as long as it must.
_SHARE = 4


@dataclass(frozen=True, slots=True)
class Pass:
    """What a client is given to send with: where to, a token, and when to ask for the next."""

    space_id: str
    token: str
    expires: int


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends chunks, and into which space."""

    space_id: str
    caller: Caller


def open_space(tx: Tx, repo: Repository, *, pull_request: bool = False) -> Pass:
    """Let the caller send chunks for files of this repository.

    Whoever may write may, and for a pull request whoever may read: sending publishes nothing.
    """
    if pull_request:
        require_read(tx.caller, repo)
        account = require_scope(tx.caller, "write")
    else:
        require_write(tx.caller, repo)
        account = require_scope(tx.caller, "write")
    lock_account(tx.session, account.id)
    space = queries.newest_space(tx.session, account.id, repo.id)
    if space is None or not _goes_on(tx, space):
        space = XetSpace(
            id=secrets.token_hex(16),
            account_id=account.id,
            repo_id=repo.id,
            sent=0,
            built=0,
            closed=False,
            created_at=tx.now,
            touched_at=tx.now,
        )
        tx.session.add(space)
    space.touched_at = tx.now
    tx.session.flush()
    schedule_collect(tx.session, tx.now)
    return _issue(tx.settings, space.id, tx.now)


def admit(
    session: Session, settings: Settings, space_id: str, token: str, moment: datetime
) -> Sender:
    """Return who the token lets into this space; raise XetTokenInvalid, SpaceGone, RepoNotFound."""
    found = _TOKEN.fullmatch(token)
    if found is None or not _is_ours(settings, found) or found[1] != space_id:
        raise XetTokenInvalid
    if int(found[2]) <= moment.timestamp():
        raise XetTokenInvalid
    row = queries.space_and_owner(session, space_id)
    if row is None:
        raise SpaceGone
    _, account, repo = row
    if account.deleted_at is not None:
        raise XetTokenInvalid
    caller = Caller(account=account, scopes=frozenset({"read", "write"}), via="token")
    require_read(caller, repo)
    return Sender(space_id, caller)


def _goes_on(tx: Tx, space: XetSpace) -> bool:
    """Tell whether uploads may still begin here: chunks that were sent once are not sent again."""
    if space.created_at <= tx.now - SPACE_FRESH:
        return False
    is_large = space.sent > tx.settings.max_staged_bytes // _SHARE
    return not (is_large and space.built >= space.sent // 2)


def _issue(settings: Settings, space_id: str, moment: datetime) -> Pass:
    expires = int((moment + TOKEN_LIFE).timestamp())
    text = f"{space_id}.{expires}"
    told = int((moment + TOKEN_TOLD).timestamp())
    return Pass(space_id, f"{text}.{_sign(settings, text)}", told)


def _is_ours(settings: Settings, found: re.Match[str]) -> bool:
    return hmac.compare_digest(_sign(settings, f"{found[1]}.{found[2]}"), found[3])


def _sign(settings: Settings, text: str) -> str:
    return keyed_hash(settings.secret_key(), _PURPOSE, text)
