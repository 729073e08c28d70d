"""The page of a hash, and the form that takes many: what a file is, and what is newer."""

import re

from fastapi import APIRouter, Request, Response

from lorahub_server.access import Tx
from lorahub_server.doors import links
from lorahub_server.doors.deps import ReadTx
from lorahub_server.doors.web.forms import Posted
from lorahub_server.doors.web.view import page, redirect
from lorahub_server.kit.errors import HubError
from lorahub_server.library import past, search
from lorahub_server.library.past import Answer

router = APIRouter()

# Hashes that several files may share by chance, or by somebody's doing.
_WEAK = frozenset({"CRC32", "AutoV1"})
_BREAKS = re.compile(r"[\s,;]+")


@router.get("/hash")
def show_form(request: Request, tx: ReadTx) -> Response:
    return _form(request, tx)


@router.post("/hash")
def look_up(request: Request, form: Posted, tx: ReadTx) -> Response:
    """Answer for pasted hashes; one alone has a page of its own."""
    text = form.text("hashes")
    values = list(dict.fromkeys(_hashes(text)))
    if len(values) == 1:
        return redirect(links.hash_page(values[0]))
    try:
        answers = past.look_up(tx, values)
    except HubError as error:
        return _form(request, tx, text, wrong=error.message, status=error.status)
    if not answers:
        wrong = "There is no hash in it. Paste one a line: 8 to 64 of the characters 0-9 and a-f."
        return _form(request, tx, text, wrong=wrong, status=422)
    return _form(request, tx, text, answers=answers)


@router.get("/hash/{value}")
def show(request: Request, tx: ReadTx, value: str) -> Response:
    wanted = past.normal(value)
    if wanted != value:
        return redirect(links.hash_page(wanted), 308)
    (answer,) = past.look_up(tx, [wanted])
    if not answer.is_known:
        raise past.HashNotFound(past.UNKNOWN, place="hash")
    cards = search.cards_of(tx, list(dict.fromkeys(one.repo.id for one in answer.holdings)))
    return page(
        request,
        "hash.html",
        caller=tx.caller,
        answer=answer,
        cards={card.id: card for card in cards},
        is_weak=not _WEAK.isdisjoint(answer.kinds),
    )


def _hashes(text: str) -> list[str]:
    """Return what of a text may be hashes: also of lines as `sha256sum` prints them."""
    found = []
    for line in text.splitlines():
        words = [word for word in _BREAKS.split(line.strip()) if word]
        named = [word for word in words if past.is_hash(word)]
        found += named or words[:1]
    return found


def _form(
    request: Request,
    tx: Tx,
    text: str = "",
    *,
    answers: list[Answer] | None = None,
    wrong: str = "",
    status: int = 200,
) -> Response:
    shown = answers or []
    return page(
        request,
        "hashes.html",
        caller=tx.caller,
        status=status,
        text=text,
        wrong=wrong,
        most=past.HASHES_MAX,
        newer=[one for one in shown if _state(one) == "replaced"],
        current=[one for one in shown if _state(one) == "current"],
        gone=[one for one in shown if _state(one) == "removed"],
        unknown=[one for one in shown if not one.is_known],
        asked=len(shown),
    )


def _state(answer: Answer) -> str | None:
    """Return the best that is known of a file: a newer one before none, the same before that."""
    states = {one.state for one in answer.holdings}
    for state in ("current", "replaced"):
        if state in states:
            return state
    return "removed" if answer.is_known else None
