"""The card, changed in the browser: fields and a text, or all of it as text; one commit."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from fastapi import APIRouter, Request, Response

from lorahub_server.access import Tx, can_write, require_write
from lorahub_server.community.discussions import pulls
from lorahub_server.doors import links
from lorahub_server.doors.deps import ReadTx, WriteTx
from lorahub_server.doors.web.card_html import card_html
from lorahub_server.doors.web.forms import Form, Posted, no_faults
from lorahub_server.doors.web.repo_pages import head_of, repo_of
from lorahub_server.doors.web.view import page, redirect
from lorahub_server.kit import markdown
from lorahub_server.kit.errors import HubError
from lorahub_server.library import card as cards
from lorahub_server.library import card_form, licences
from lorahub_server.library import service as library
from lorahub_server.library.card_form import Fields
from lorahub_server.library.derive import prettified
from lorahub_server.repos import refs
from lorahub_server.repos.commit import AddFile, commit
from lorahub_server.repos.tables import Repository

router = APIRouter()

_BODY = "What does it do well, where does it fail, which strength do you like?"
_CONFLICT, _WRONG = 409, 422
_MOVED = (
    "The card has moved on: somebody changed it while you wrote. Your changes and theirs are put "
    "together below. Look at them, then save."
)
_MOVED_TEXT = (
    "The card has moved on: somebody changed it while you wrote. Your text is kept, and theirs is "
    "below it. Bring over what you want to keep, then save."
)


@dataclass(slots=True)
class _Draft:
    """What the page shows. `head`: what it stands on; `theirs`: another's, by field or `text`."""

    head: str | None
    fields: Fields
    text: str
    is_text: bool = False
    status: int = 200
    wrong: str = ""
    place: str = ""
    faults: Mapping[str, str] = field(default_factory=no_faults)
    theirs: Mapping[str, str] = field(default_factory=no_faults)
    message: str = ""
    preview: markdown.SafeHtml | None = None
    is_preview: bool = False


@router.get("/{owner}/{name}/card")
def show(request: Request, tx: ReadTx, owner: str, name: str) -> Response:
    repo = _open(tx, owner, name)
    head = refs.head(tx, repo)
    data = library.card_bytes_of(tx, repo, head)
    draft = _Draft(head, card_form.fields_of(data), data.decode("utf-8", "replace"))
    draft.is_text = request.query_params.get("as") == "text"
    if not data:
        draft.fields = Fields(title=prettified(repo.name), body=_BODY)
        text = cards.compose({"license": "other"}, f"# {draft.fields.title}\n\n{_BODY}\n")
        draft.text = text.decode()
    elif not draft.is_text:
        _read_as_text(draft, data)
    return _form(request, tx, repo, draft)


@router.post("/{owner}/{name}/card")
def save(request: Request, form: Posted, tx: WriteTx, owner: str, name: str) -> Response:
    repo = _open(tx, owner, name)
    head = refs.head(tx, repo)
    there = library.card_bytes_of(tx, repo, head)
    draft = _draft(form, head)
    began = _began(tx, repo, form.text("parent") or None, head, there)
    if began != there:
        _bring_together(draft, began, there)
        return _form(request, tx, repo, draft)
    data = _composed(draft, there)
    if form.text("do") == "preview":
        _preview(tx, repo, draft, data or there)
    if data is None or draft.is_preview:
        return _form(request, tx, repo, draft)
    try:
        with tx.session.begin_nested():
            answer = _commit(tx, repo, data, there, head, draft.message)
    except HubError as error:
        tx.session.refresh(repo)
        draft.head = refs.head(tx, repo)
        draft.status, draft.wrong, draft.place = error.status, error.message, error.place or ""
        return _form(request, tx, repo, draft)
    return answer


def _open(tx: Tx, owner: str, name: str) -> Repository:
    """Return the repository for one who may change its card, or suggest a change."""
    repo = repo_of(tx, owner, name)
    if refs.head(tx, repo) is None:
        require_write(tx.caller, repo)
    else:
        pulls.require_opener(tx, repo)
    return repo


def _draft(form: Form, head: str | None) -> _Draft:
    given = card_form.tidied(Fields(**{name: form.text(name) for name in card_form.NAMES}))
    return _Draft(
        head,
        given,
        form.text("text").replace("\r\n", "\n"),
        is_text=form.text("as") == "text",
        message=form.line("message"),
    )


def _read_as_text(draft: _Draft, data: bytes) -> None:
    """Show a card that can't be read as fields as it is, with what is wrong."""
    try:
        cards.check(data)
    except HubError as error:
        draft.is_text, draft.wrong, draft.place = True, error.message, error.place or ""


def _began(tx: Tx, repo: Repository, parent: str | None, head: str | None, there: bytes) -> bytes:
    """Return the card that the form was filled from."""
    if parent == head:
        return there
    try:
        return library.card_bytes_of(tx, repo, parent)
    except HubError:
        return b""


def _bring_together(draft: _Draft, began: bytes, there: bytes) -> None:
    draft.status = _CONFLICT
    if draft.is_text:
        draft.wrong = _MOVED_TEXT
        draft.theirs = {"text": there.decode("utf-8", "replace")}
        return
    draft.wrong = _MOVED
    before, theirs = card_form.fields_of(began), card_form.fields_of(there)
    draft.fields, clashes = card_form.merged(before, draft.fields, theirs)
    draft.theirs = no_faults() | clashes


def _composed(draft: _Draft, there: bytes) -> bytes | None:
    """Return the card as it will be; None where something is wrong, which the draft then tells."""
    try:
        if draft.is_text:
            data = draft.text.encode("utf-8", "replace")
            cards.check(data)
            return data
        found = card_form.faults(draft.fields, card_form.fields_of(there))
        if found:
            draft.status, draft.faults = _WRONG, no_faults() | found
            draft.wrong = "Something in the form needs a correction; it says so where it is."
            return None
        return card_form.apply(there, draft.fields)
    except HubError as error:
        draft.status, draft.wrong, draft.place = error.status, error.message, error.place or ""
        return None


def _preview(tx: Tx, repo: Repository, draft: _Draft, data: bytes) -> None:
    body = draft.fields.body if not draft.is_text else cards.parse(data).body
    draft.preview = card_html(tx, repo, body, draft.head)
    draft.is_preview = True


def _commit(
    tx: Tx, repo: Repository, data: bytes, there: bytes, head: str | None, message: str
) -> Response:
    if data == there and head is not None:
        return redirect(links.repo(repo.owner.name, repo.name))
    operation = AddFile(cards.NAME, data)
    if can_write(tx.caller, repo):
        commit(tx, repo, repo.default_branch, [operation], message or "Edit the card", parent=head)
        return redirect(links.repo(repo.owner.name, repo.name))
    made = pulls.open_with(
        tx, repo, repo.default_branch, [operation], message or "Edit the card", parent=head
    )
    return redirect(links.discussion(repo.owner.name, repo.name, made.thread.num))


def _form(request: Request, tx: Tx, repo: Repository, draft: _Draft) -> Response:
    facts = head_of(tx, repo, "card")
    return page(
        request,
        "edit_card.html",
        **{**facts, "is_private": True},
        status=draft.status,
        draft=draft,
        licences=_choices(draft.fields.license),
    )


def _choices(own: str) -> list[licences.Licence]:
    """Return the licences to choose from, with the card's own if that is another one."""
    found = list(licences.choices())
    known = licences.licence_of(own)
    return found if known is None or known in found else [known, *found]
