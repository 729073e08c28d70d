"""The map of the site for search engines: what everybody may see, whoever asks."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from xml.sax.saxutils import escape

from fastapi import APIRouter, Request, Response

from lorahub_server.access import Tx, anonymous
from lorahub_server.doors import links
from lorahub_server.doors.deps import ReadTx, base_url
from lorahub_server.doors.web.view import public
from lorahub_server.kit.clock import iso
from lorahub_server.kit.errors import NotFound
from lorahub_server.library import places

router = APIRouter(include_in_schema=False)

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SCHEMA = "http://www.sitemaps.org/schemas/sitemap/0.9"
_TYPE = "application/xml; charset=utf-8"
_FAMILIES, _BASES, _TAGS = 200, 2000, 2000
_DIGITS = 9
Line = tuple[str, datetime | None]


@router.get("/sitemap.xml")
def index(request: Request, tx: ReadTx) -> Response:
    """Names the parts: each has the repositories, or accounts, of ten thousand numbers."""
    site = base_url(request)
    repos, accounts = places.pages(tx)
    parts = ["places"]
    parts += [f"adapters-{number}" for number in range(1, repos + 1)]
    parts += [f"people-{number}" for number in range(1, accounts + 1)]
    rows = "".join(f"<sitemap><loc>{site}/sitemaps/{part}.xml</loc></sitemap>" for part in parts)
    body = f'{_HEAD}<sitemapindex xmlns="{_SCHEMA}">{rows}</sitemapindex>'
    return public(request, body.encode(), _TYPE)


@router.get("/sitemaps/{part}.xml")
def show(request: Request, tx: ReadTx, part: str) -> Response:
    kind, _, number = part.partition("-")
    nobody = replace(tx, caller=anonymous())
    lines: Iterable[Line]
    if part == "places":
        lines = _places(nobody)
    elif kind in {"adapters", "people"} and _is_page(number):
        lines = (_adapters if kind == "adapters" else _people)(nobody, int(number))
    else:
        raise NotFound("The map has no such part. /sitemap.xml lists them.")
    rows = "".join(_row(base_url(request), *line) for line in lines)
    body = f'{_HEAD}<urlset xmlns="{_SCHEMA}">{rows}</urlset>'
    return public(request, body.encode(), _TYPE)


def _is_page(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS and text[0] != "0"


def _places(tx: Tx) -> list[Line]:
    kinds = {places.FAMILY: _FAMILIES, places.BASE: _BASES, places.TAG: _TAGS}
    found = places.popular(tx, kinds)
    addresses = ["/", "/bases", "/tags", "/collections", "/hash"]
    for kind in (places.FAMILY, places.BASE):
        addresses += [links.base(one.value) for one in found[kind]]
    addresses += [links.tag(one.value) for one in found[places.TAG]]
    return [(address, None) for address in addresses]


def _adapters(tx: Tx, page: int) -> list[Line]:
    found = places.public_repos(tx, page)
    return [(links.repo(owner, name), changed) for owner, name, changed in found]


def _people(tx: Tx, page: int) -> list[Line]:
    return [(links.account(name), changed) for name, changed in places.public_owners(tx, page)]


def _row(site: str, address: str, changed: datetime | None) -> str:
    moment = f"<lastmod>{iso(changed)}</lastmod>" if changed else ""
    return f"<url><loc>{escape(site + address)}</loc>{moment}</url>"
