"""Where pictures of adapters and accounts are: their own, or drawn ones."""

import hashlib
import re
from typing import Protocol

from fastapi import APIRouter, Response

from lorahub_server.doors import links
from lorahub_server.doors.web import covers, families
from lorahub_server.kit.errors import NotFound

router = APIRouter(include_in_schema=False)

_SEED_LENGTH = 12
_COVER = re.compile(r"([0-9])-([0-9]{1,2})-([0-9a-f]{12})")
_AVATAR = re.compile(r"[0-9a-f]{12}")
# Part of the address: raised when the drawing changes.
_EDITION = 1


class Covered(Protocol):
    """What has a cover: a card of the library."""

    @property
    def owner(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def revision(self) -> str | None: ...
    @property
    def cover(self) -> str | None: ...
    @property
    def cover_preview(self) -> int | None: ...
    @property
    def has_open_files(self) -> bool: ...
    @property
    def family(self) -> str | None: ...


def cover_url(item: Covered) -> str:
    if item.cover_preview is not None:
        return links.small_preview(item.owner, item.name, item.cover_preview)
    if item.cover and item.revision and item.has_open_files:
        return links.resolve(item.owner, item.name, item.revision, item.cover)
    return drawn_cover_url(f"{item.owner}/{item.name}", item.family)


def drawn_cover_url(name: str, family: str | None) -> str:
    seed = _seed(name)
    hue = families.family_hue(family)
    if hue is None:
        hue = int(seed[:4], 16) % families.HUES
    motif = covers.motif_of(families.family_makes(family), seed)
    return f"/images/cover/{_EDITION}/{motif}-{hue}-{seed}.svg"


def avatar_url(name: str) -> str:
    return f"/images/avatar/{_EDITION}/{_seed(name)}.svg"


@router.get("/images/cover/{edition}/{name}.svg")
def cover(edition: str, name: str) -> Response:
    del edition
    found = _COVER.fullmatch(name)
    if found is None or int(found[2]) >= families.HUES:
        raise NotFound("There is no such picture.")
    return _drawn(covers.cover(found[3], int(found[2]), int(found[1])))


@router.get("/images/avatar/{edition}/{name}.svg")
def avatar(edition: str, name: str) -> Response:
    del edition
    if not _AVATAR.fullmatch(name):
        raise NotFound("There is no such picture.")
    return _drawn(covers.avatar(name))


def _drawn(svg: str) -> Response:
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(svg, media_type="image/svg+xml", headers=headers)


def _seed(name: str) -> str:
    return hashlib.sha256(name.casefold().encode()).hexdigest()[:_SEED_LENGTH]
