"""What a page tells machines of itself: title, picture and facts for search engines and chats."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request

from lorahub_server.accounts.tables import Account
from lorahub_server.doors import links
from lorahub_server.doors.deps import base_url
from lorahub_server.doors.web import families, words
from lorahub_server.kit.clock import iso
from lorahub_server.library import licences
from lorahub_server.library.model import RepoCard

SITE = "LoRAHub"
_SCHEMA = "https://schema.org"
_DESCRIPTION_MAX = 200
# Of what programs of chats show; others get a drawn card.
_PICTURES = (".png", ".jpg", ".jpeg", ".webp")
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Picture:
    """`width` and `height` are of the hub's own cards; of others nobody knows them here."""

    url: str
    alt: str
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Meta:
    """All addresses are whole ones. `kind` is a type of OpenGraph."""

    title: str
    description: str
    url: str
    picture: Picture
    kind: str = "website"
    facts: Sequence[Json] = field(default_factory=list)

    @property
    def graph(self) -> Json:
        """Return the facts as JSON-LD; the filter `tojson` makes it safe within a script."""
        return {"@context": _SCHEMA, "@graph": list(self.facts)}


def of_home(request: Request) -> Meta:
    site = base_url(request)
    text = (
        "A library of LoRA adapters for image, video and language models. Every file is read and "
        "verified before it is published; the pages tell what it is and how to use it."
    )
    search = {
        "@type": "SearchAction",
        "target": {"@type": "EntryPoint", "urlTemplate": f"{site}/?q={{search_term_string}}"},
        "query-input": "required name=search_term_string",
    }
    fact = {"@type": "WebSite", "name": SITE, "url": f"{site}/", "potentialAction": search}
    picture = _card(site, "/images/share/home.png", "LoRAHub")
    return Meta("LoRAHub, a library of adapters", text, f"{site}/", picture, facts=[fact])


def of_adapter(request: Request, card: RepoCard) -> Meta:
    site = base_url(request)
    url = site + links.repo(card.owner, card.name)
    title = card.title or card.name
    text = _shortened(card.summary or about(card))
    licence = licences.licence_of(card.license)
    owner = {"@type": "Person", "name": card.owner, "url": site + links.account(card.owner)}
    picture = _picture_of(site, card)
    fact: dict[str, Any] = {
        "@type": "SoftwareSourceCode",
        "name": title,
        "description": text,
        "url": url,
        "image": picture.url,
        "author": owner,
        "dateModified": iso(card.updated_at),
        "datePublished": iso(card.published_at) if card.published_at else None,
        "license": licence.name if licence else None,
        "keywords": [*card.tags, *card.trigger_words] or None,
        "isBasedOn": card.base_model,
        "codeSampleType": "LoRA adapter" if card.adapters else None,
        "interactionStatistic": [
            _counted("LikeAction", card.stars),
            _counted("DownloadAction", card.downloads),
        ],
    }
    ways = [(card.owner, links.account(card.owner)), (title, links.repo(card.owner, card.name))]
    return Meta(
        f"{title} by {card.owner}",
        text,
        url,
        picture,
        "article",
        [{name: value for name, value in fact.items() if value is not None}, trail(site, ways)],
    )


def of_account(request: Request, person: Account, many: int) -> Meta:
    site = base_url(request)
    url = site + links.account(person.name)
    name = person.display_name or person.name
    text = _shortened(person.bio or f"{words.many(many, 'adapter')} by {person.name} on {SITE}.")
    fact: dict[str, Any] = {
        "@type": "Organization" if person.is_organization else "Person",
        "name": name,
        "alternateName": person.name,
        "url": url,
        "description": text,
    }
    same = [one for one in (person.website, *person.links) if one]
    if same:
        fact["sameAs"] = same
    page = {
        "@type": "ProfilePage",
        "url": url,
        "dateCreated": iso(person.created_at),
        "mainEntity": fact,
    }
    picture = _card(site, f"/images/share/account/{links.piece(person.name)}.png", name)
    return Meta(name, text, url, picture, "profile", [page])


def of_place(
    request: Request,
    title: str,
    text: str,
    address: str,
    card: str,
    ways: Sequence[tuple[str, str]],
) -> Meta:
    """Return what the page of a base or a tag tells; `card` is the address of its picture."""
    site = base_url(request)
    page = {"@type": "CollectionPage", "name": title, "description": text, "url": site + address}
    picture = _card(site, card, title)
    facts = [page, trail(site, ways)]
    return Meta(title, _shortened(text), site + address, picture, facts=facts)


def trail(site: str, ways: Sequence[tuple[str, str]]) -> Json:
    """Return the way from the front to a page, for search engines."""
    items = [
        {"@type": "ListItem", "position": number, "name": name, "item": site + address}
        for number, (name, address) in enumerate([(SITE, "/"), *ways], 1)
    ]
    return {"@type": "BreadcrumbList", "itemListElement": items}


def about(card: RepoCard) -> str:
    """Return what an adapter is, where its card says nothing of it."""
    if not card.adapters:
        return f"A repository of {card.owner} on {SITE}."
    method = words.method_label(card.method)
    rank = f" of rank {card.rank}" if card.rank else ""
    base = families.family_label(card.family)
    return f"{method}{rank} for {base}, {words.size(card.size)}, by {card.owner}."


def _picture_of(site: str, card: RepoCard) -> Picture:
    title = card.title or card.name
    # What is not for everybody is not for the preview of a chat.
    is_mild = not card.maturity
    if is_mild and card.cover_preview is not None:
        return Picture(site + links.preview(card.owner, card.name, card.cover_preview), title)
    has_cover = card.cover and card.revision and card.has_open_files
    if is_mild and has_cover and (card.cover or "").lower().endswith(_PICTURES):
        where = links.resolve(card.owner, card.name, card.revision or "", card.cover or "")
        return Picture(site + where, title)
    address = f"/images/share/adapter/{links.piece(card.owner)}/{links.piece(card.name)}.png"
    return _card(site, address, title)


def _card(site: str, address: str, alt: str) -> Picture:
    from lorahub_server.doors.web.drawn_cards import HEIGHT, WIDTH

    return Picture(site + address, alt, WIDTH, HEIGHT)


def _counted(kind: str, count: int) -> Json:
    return {
        "@type": "InteractionCounter",
        "interactionType": f"{_SCHEMA}/{kind}",
        "userInteractionCount": count,
    }


def _shortened(text: str) -> str:
    plain = " ".join(text.split())
    if len(plain) <= _DESCRIPTION_MAX:
        return plain
    return plain[: _DESCRIPTION_MAX - 1].rpartition(" ")[0].rstrip(" ,.;:") + "…"
