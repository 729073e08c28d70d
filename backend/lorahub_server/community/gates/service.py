"""Asking for the files of a gated repository, and answering those who ask."""

from collections.abc import Mapping
from typing import Literal

from lorahub_server.access import Tx, passes_gate, require_read, require_scope, require_write
from lorahub_server.access.gates import ACCEPTED, PENDING, REJECTED, STATES
from lorahub_server.access.tables import AccessRequest
from lorahub_server.accounts.service import get_account
from lorahub_server.accounts.tables import Account
from lorahub_server.community.gates import form as forms
from lorahub_server.community.gates import queries
from lorahub_server.community.gates.errors import (
    HasAccess,
    NotGated,
    RequestNotFound,
    RequestRejected,
)
from lorahub_server.community.gates.form import Form
from lorahub_server.kit import pagination
from lorahub_server.kit.errors import BadRequest
from lorahub_server.kit.pagination import Page
from lorahub_server.library import service as library
from lorahub_server.repos import refs
from lorahub_server.repos.tables import Repository

Status = Literal["pending", "accepted", "rejected"]

_ORDER = "access_requests"
_REASON_MAX = 1000


def form_of(tx: Tx, repo: Repository) -> Form:
    """Return what the repository's card asks of those who want its files."""
    return forms.of_card(library.card_of(tx, repo, refs.head(tx, repo)).front)


def own_request(tx: Tx, repo: Repository) -> AccessRequest | None:
    """Return the caller's request, if there is one."""
    require_read(tx.caller, repo)
    if tx.caller.account_id is None:
        return None
    return queries.request_of(tx.session, repo.id, tx.caller.account_id)


def ask(tx: Tx, repo: Repository, answers: Mapping[str, object]) -> AccessRequest:
    """Ask for the files. Asking once more while nobody has answered replaces the answers."""
    account = _asker(tx, repo)
    fields = forms.checked(form_of(tx, repo), answers)
    status = ACCEPTED if repo.gated == "auto" else PENDING
    _insert(tx, repo, account, status)
    request = queries.lock_request(tx.session, repo.id, account.id)
    assert request is not None
    if request.status == REJECTED:
        raise RequestRejected(request.reason)
    if request.status == PENDING or not request.fields:
        request.fields = fields
    if request.status == PENDING:
        request.status, request.updated_at = status, tx.now
    tx.session.flush()
    return request


def withdraw(tx: Tx, repo: Repository) -> None:
    """Take the caller's request back, and with it the right to the files. A rejection stays."""
    require_read(tx.caller, repo)
    account = require_scope(tx.caller, "write")
    request = queries.lock_request(tx.session, repo.id, account.id)
    if request is None:
        raise RequestNotFound("You did not ask for access to this repository.")
    if request.status == REJECTED:
        raise RequestRejected(request.reason)
    tx.session.delete(request)
    tx.session.flush()


def requests_of(
    tx: Tx, repo: Repository, status: str | None, cursor: str | None, limit: int
) -> Page[AccessRequest]:
    """Return the requests for a repository to those who may answer them, the oldest first."""
    require_write(tx.caller, repo)
    if status is not None and status not in STATES:
        raise BadRequest(f"A request is one of {', '.join(STATES)}.", place="status")
    after = 0
    if cursor:
        found = pagination.decode(cursor, _ORDER, int)[0]
        if not isinstance(found, int):
            raise pagination.BadCursor
        after = found
    rows = queries.requests_of_repo(tx.session, repo.id, status, after, limit + 1)
    shown, following = pagination.cut(rows, limit, lambda row: pagination.encode(_ORDER, row.id))
    return Page(shown, following)


def counts(tx: Tx, repo: Repository) -> dict[str, int]:
    """Return how many requests there are of each status."""
    require_write(tx.caller, repo)
    return dict.fromkeys(STATES, 0) | queries.count_by_status(tx.session, repo.id)


def handle(
    tx: Tx, repo: Repository, account: Account, status: Status, reason: str = ""
) -> AccessRequest:
    """Accept or reject a request, or let it wait again. Raises RequestNotFound if it is so now."""
    require_write(tx.caller, repo)
    _require_gated(repo)
    _check_reason(status, reason)
    request = queries.lock_request(tx.session, repo.id, account.id)
    if request is None:
        raise RequestNotFound(
            f"{account.name} did not ask for access. To give it all the same, grant it."
        )
    if request.status == status:
        raise RequestNotFound(f"The request of {account.name} is {status} already.")
    request.status = status
    request.reason = reason.strip() if status == REJECTED else ""
    request.handled_by, request.updated_at = tx.caller.account_id, tx.now
    tx.session.flush()
    return request


def grant(tx: Tx, repo: Repository, account: Account) -> AccessRequest:
    """Give an account the files, whether it asked or not. Raises HasAccess if it has them."""
    require_write(tx.caller, repo)
    _require_gated(repo)
    if account.id == repo.owner_id:
        raise HasAccess(f"{account.name} owns the repository.")
    _insert(tx, repo, account, PENDING, is_grant=True)
    request = queries.lock_request(tx.session, repo.id, account.id)
    assert request is not None
    if request.status == ACCEPTED:
        raise HasAccess(f"{account.name} has access already.")
    request.status, request.reason = ACCEPTED, ""
    request.handled_by, request.updated_at = tx.caller.account_id, tx.now
    tx.session.flush()
    return request


def account_of(tx: Tx, repo: Repository, request_id: int) -> Account:
    """Return who made a request for this repository."""
    require_write(tx.caller, repo)
    request = queries.request_of_id(tx.session, repo.id, request_id)
    if request is None:
        raise RequestNotFound("There is no such request for this repository. List them again.")
    return request.account


def named(tx: Tx, repo: Repository, name: str) -> Account:
    """Return the account of a name, to one who may answer requests."""
    require_write(tx.caller, repo)
    return get_account(tx.session, name)


def _asker(tx: Tx, repo: Repository) -> Account:
    require_read(tx.caller, repo)
    account = require_scope(tx.caller, "write")
    _require_gated(repo)
    if passes_gate(tx.caller, repo):
        raise HasAccess("You have the files of this repository without asking.")
    return account


def _require_gated(repo: Repository) -> None:
    if repo.gated is None:
        raise NotGated


def _check_reason(status: Status, reason: str) -> None:
    if reason and status != REJECTED:
        raise BadRequest("A reason goes with a rejection only. Leave it out.", place="reason")
    if len(reason) > _REASON_MAX:
        raise BadRequest(f"A reason has at most {_REASON_MAX} characters.", place="reason")


def _insert(
    tx: Tx, repo: Repository, account: Account, status: str, *, is_grant: bool = False
) -> None:
    queries.insert_unless_there(
        tx.session,
        {
            "repo_id": repo.id,
            "account_id": account.id,
            "status": status,
            "fields": {},
            "reason": "",
            "is_grant": is_grant,
            "created_at": tx.now,
            "updated_at": tx.now,
        },
    )
