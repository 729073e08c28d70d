"""Any list of the library as a feed, for programs that ask again and again."""

from dataclasses import replace

from fastapi import APIRouter, Request, Response

from lorahub_server.access import Tx, anonymous
from lorahub_server.doors import links
from lorahub_server.doors.deps import ReadTx, base_url
from lorahub_server.doors.web import browsing, families, headings, pictures, words
from lorahub_server.doors.web.feed_formats import FORMATS, Feed, Item
from lorahub_server.doors.web.view import public
from lorahub_server.kit.errors import NotFound
from lorahub_server.library import search
from lorahub_server.library.search import RepoCard

router = APIRouter()

_ITEMS = 30
_TAGS = 10


@router.get("/feed.{kind}")
def show_feed(request: Request, tx: ReadTx, kind: str) -> Response:
    """The newest first unless the address says otherwise; what anybody may see, whoever asks."""
    if kind not in FORMATS:
        raise NotFound("There are three feeds of a list: feed.atom, feed.rss and feed.json.")
    media_type, write = FORMATS[kind]
    state = browsing.read(request.query_params)
    if "sort" not in request.query_params and state.query.sort == search.DEFAULT_SORT:
        state = replace(state, query=replace(state.query, sort="newest"))
    feed = _feed(request, replace(tx, caller=anonymous()), state, kind)
    return public(request, write(feed), media_type)


def _feed(request: Request, tx: Tx, state: browsing.State, kind: str) -> Feed:
    site = base_url(request)
    found = search.find(tx, state.wanted(), limit=_ITEMS)
    items = [_item(card, site) for card in found.items]
    return Feed(
        title=f"{headings.of(state)} on LoRAHub",
        url=site + state.feed(kind),
        page=site + state.href(),
        updated=max((item.updated for item in items), default=tx.now),
        items=items,
    )


def _item(card: RepoCard, site: str) -> Item:
    facts = [families.family_label(card.family), words.size(card.size)]
    if card.rank:
        facts.insert(1, f"rank {card.rank}")
    about = ", ".join(facts) if card.adapters else "No adapter in it yet"
    published = card.published_at or card.created_at
    return Item(
        url=site + links.repo(card.owner, card.name),
        title=card.title or card.name,
        text=f"{about}. {card.summary}".strip(),
        picture=site + pictures.cover_url(card),
        author=card.owner,
        author_url=site + links.account(card.owner),
        tags=card.tags[:_TAGS],
        published=published,
        updated=max(card.updated_at, published),
    )
