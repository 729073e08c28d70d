"""Pictures of pages for chats: drawn cards of what anybody may see, or the caller alone."""

from collections.abc import Sequence

from fastapi import APIRouter, Request, Response

from lorahub_server.access import Tx
from lorahub_server.accounts.service import get_account
from lorahub_server.doors.deps import ReadTx
from lorahub_server.doors.web import drawn_cards, families, metas, pictures, words
from lorahub_server.doors.web.drawn_cards import Words
from lorahub_server.doors.web.view import public
from lorahub_server.library import search
from lorahub_server.library.opening import open_repo

router = APIRouter(include_in_schema=False)

_KEPT = "public, max-age=3600"
_PRIVATE = "private, no-store"
_BASE_HUE = 14


@router.get("/images/share/home.png")
def home(request: Request) -> Response:
    lines = ["Checked, measured, rendered,", "and ready to use"]
    return _drawn(request, "LoRAHub", "A library of adapters", lines, "home")


@router.get("/images/share/adapter/{owner}/{name}.png")
def adapter(request: Request, tx: ReadTx, owner: str, name: str) -> Response:
    card = open_repo(tx, owner, name).card
    lines = [metas.about(card)] if not card.adapters else _facts(card)
    drawn = _drawn(
        request,
        families.family_label(card.family) if card.adapters else "Repository",
        card.title or card.name,
        [*lines, f"by {card.owner}"],
        card.full_name,
        families.family_hue(card.family),
    )
    if card.private:
        drawn.headers["Cache-Control"] = _PRIVATE
    return drawn


@router.get("/images/share/account/{name}.png")
def account(request: Request, tx: ReadTx, name: str) -> Response:
    person = get_account(tx.session, name)
    shown = person.display_name or person.name
    kind = "Organisation" if person.is_organization else "Person"
    lines = [person.name] if person.display_name else []
    return _drawn(request, kind, shown, lines, person.name)


@router.get("/images/share/tag/{tag}.png")
def tag(request: Request, tx: ReadTx, tag: str) -> Response:
    return _place(request, tx, "Tag", f"#{tag}", search.Query(tags=(tag,)))


@router.get("/images/share/base/{base:path}.png")
def base(request: Request, tx: ReadTx, base: str) -> Response:
    if families.is_family(base):
        label = families.family_label(base)
        query = search.Query(family=base)
        return _place(request, tx, "Base", label, query, families.family_hue(base))
    query = search.Query(base_model=base)
    return _place(request, tx, "Base model", base, query, _BASE_HUE)


def _place(
    request: Request, tx: Tx, kind: str, title: str, query: search.Query, hue: int | None = None
) -> Response:
    """Draw what has adapters; what has none is called by its kind alone, whatever was asked."""
    count = search.count(tx, query)
    shown = title if count else "LoRAHub"
    return _drawn(request, kind, shown, [words.many(count, "adapter")], shown, hue)


def _facts(card: search.RepoCard) -> list[str]:
    rank = f"rank {card.rank}, " if card.rank else ""
    found = [f"{words.method_label(card.method)}, {rank}{words.size(card.size)}"]
    if card.trigger_words:
        found.append(", ".join(card.trigger_words[:2]))
    return found


def _drawn(
    request: Request,
    kind: str,
    title: str,
    lines: Sequence[str],
    seed: str,
    hue: int | None = None,
) -> Response:
    key = pictures.seed_of(seed)
    chosen = int(key[:4], 16) % families.HUES if hue is None else hue
    body = drawn_cards.draw(Words(kind, title, lines, key, chosen))
    answer = public(request, body, "image/png")
    answer.headers["Cache-Control"] = _KEPT
    return answer
