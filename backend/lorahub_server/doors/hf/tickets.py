"""Addresses that let in whoever has them: clients send a file's bytes without their token.

A ticket says who may send or fetch which bytes, until when, and is signed.
"""

import base64
import binascii
import hmac
import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Literal

from lorahub_server.config import Settings
from lorahub_server.kit.errors import HubError
from lorahub_server.kit.tokens import keyed_hash

# A file that is sent in parts over a slow line takes long.
LIFE = timedelta(hours=24)
_PURPOSE = "lfs"

Kind = Literal["send", "parts", "fetch"]


class TicketInvalid(HubError):
    status = 403
    code = "ticket_invalid"

    def __init__(self) -> None:
        super().__init__("The address is not valid, or has expired. Start the transfer again.")


@dataclass(frozen=True, slots=True)
class Ticket:
    """`upload` is the id of the upload that parts belong to; `part_size` is that of all but one."""

    kind: Kind
    account: int | None
    sha256: str
    size: int
    expires: int
    upload: str = ""
    part_size: int = 0


def issue(settings: Settings, ticket: Ticket) -> str:
    text = json.dumps(asdict(ticket), separators=(",", ":")).encode()
    body = base64.urlsafe_b64encode(text).decode().rstrip("=")
    return f"{body}.{keyed_hash(settings.secret_key(), _PURPOSE, body)}"


def read(settings: Settings, text: str, kind: Kind, now: datetime) -> Ticket:
    """Return what a ticket says; raise TicketInvalid unless it is ours, of this kind and fresh."""
    body, _, signature = text.partition(".")
    wanted = keyed_hash(settings.secret_key(), _PURPOSE, body)
    if not hmac.compare_digest(wanted.encode(), signature.encode()):
        raise TicketInvalid
    try:
        raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        ticket = Ticket(**json.loads(raw))
    except (binascii.Error, ValueError, TypeError) as error:
        raise TicketInvalid from error
    if ticket.kind != kind or ticket.expires <= now.timestamp():
        raise TicketInvalid
    return ticket
