"""A list of adapters as RSS 2.0, as Atom (RFC 4287) and as JSON Feed 1.1."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from xml.etree import ElementTree as ET

from markupsafe import Markup

from lorahub_server.kit.clock import iso

_ATOM = "http://www.w3.org/2005/Atom"
_DC = "http://purl.org/dc/elements/1.1/"
_JSON_FEED = "https://jsonfeed.org/version/1.1"
# What XML 1.0 can't hold, even escaped.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NAME = "LoRAHub"

ET.register_namespace("atom", _ATOM)
ET.register_namespace("dc", _DC)


@dataclass(frozen=True, slots=True)
class Item:
    """All addresses are whole ones."""

    url: str
    title: str
    text: str
    picture: str
    author: str
    author_url: str
    tags: Sequence[str]
    published: datetime
    updated: datetime

    @property
    def html(self) -> str:
        pieces = Markup('<p><img src="{}" alt=""></p><p>{}</p>').format(self.picture, self.text)
        return str(pieces)


@dataclass(frozen=True, slots=True)
class Feed:
    """`url` is where the feed is, `page` where the same list is for people."""

    title: str
    url: str
    page: str
    updated: datetime
    items: Sequence[Item]


def atom(feed: Feed) -> bytes:
    root = ET.Element(f"{{{_ATOM}}}feed")

    def put(parent: ET.Element, name: str, text: str = "", **attributes: str) -> ET.Element:
        return _put(parent, f"{{{_ATOM}}}{name}", text, **attributes)

    put(root, "id", feed.url)
    put(root, "title", feed.title)
    put(root, "updated", iso(feed.updated))
    put(root, "link", rel="self", type="application/atom+xml", href=feed.url)
    put(root, "link", rel="alternate", type="text/html", href=feed.page)
    put(root, "generator", _NAME)
    for item in feed.items:
        entry = put(root, "entry")
        put(entry, "id", item.url)
        put(entry, "title", item.title)
        put(entry, "link", rel="alternate", type="text/html", href=item.url)
        put(entry, "published", iso(item.published))
        put(entry, "updated", iso(item.updated))
        author = put(entry, "author")
        put(author, "name", item.author)
        put(author, "uri", item.author_url)
        for tag in item.tags:
            put(entry, "category", term=_writable(tag))
        put(entry, "summary", item.text)
        put(entry, "content", item.html, type="html")
    return _written(root)


def rss(feed: Feed) -> bytes:
    root = ET.Element("rss", version="2.0")
    channel = _put(root, "channel")
    _put(channel, "title", feed.title)
    _put(channel, "link", feed.page)
    _put(channel, "description", f"{feed.title}, as they come to {feed.page}")
    _put(channel, f"{{{_ATOM}}}link", rel="self", type="application/rss+xml", href=feed.url)
    _put(channel, "lastBuildDate", format_datetime(feed.updated, usegmt=True))
    _put(channel, "generator", _NAME)
    for item in feed.items:
        entry = _put(channel, "item")
        _put(entry, "title", item.title)
        _put(entry, "link", item.url)
        _put(entry, "guid", item.url, isPermaLink="true")
        _put(entry, "pubDate", format_datetime(item.published, usegmt=True))
        _put(entry, f"{{{_DC}}}creator", item.author)
        for tag in item.tags:
            _put(entry, "category", tag)
        _put(entry, "description", item.html)
    return _written(root)


def json_feed(feed: Feed) -> bytes:
    found = {
        "version": _JSON_FEED,
        "title": feed.title,
        "home_page_url": feed.page,
        "feed_url": feed.url,
        "items": [
            {
                "id": item.url,
                "url": item.url,
                "title": item.title,
                "summary": item.text,
                "content_html": item.html,
                "image": item.picture,
                "date_published": iso(item.published),
                "date_modified": iso(item.updated),
                "authors": [{"name": item.author, "url": item.author_url}],
                "tags": list(item.tags),
            }
            for item in feed.items
        ],
    }
    return json.dumps(found, ensure_ascii=False).encode()


# By the ending of the address: the content type, and how it is written.
FORMATS: dict[str, tuple[str, Callable[[Feed], bytes]]] = {
    "atom": ("application/atom+xml; charset=utf-8", atom),
    "rss": ("application/rss+xml; charset=utf-8", rss),
    "json": ("application/feed+json; charset=utf-8", json_feed),
}


def _put(parent: ET.Element, name: str, text: str = "", **attributes: str) -> ET.Element:
    made = ET.SubElement(parent, name, attributes)
    made.text = _writable(text) or None
    return made


def _writable(text: str) -> str:
    return _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def _written(root: ET.Element) -> bytes:
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))
