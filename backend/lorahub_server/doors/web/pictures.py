"""Where pictures of adapters and accounts are: their own, or drawn ones."""

import hashlib
import re
from typing import Protocol

from fastapi import APIRouter, Response

from lorahub_server.doors import links
from lorahub_server.doors.web import covers, families
from lorahub_server.insight.previews.limits import SHOWN_WHOLE_MAX
from lorahub_server.insight.previews.model import PictureFacts
from lorahub_server.kit.errors import NotFound
from lorahub_server.storage.keys import WIDTHS

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
    def cover_size(self) -> int | None: ...
    @property
    def cover_picture(self) -> str | None: ...
    @property
    def cover_preview(self) -> int | None: ...
    @property
    def has_open_files(self) -> bool: ...
    @property
    def family(self) -> str | None: ...


def cover_url(item: Covered, width: int | None = None) -> str:
    """Return where the picture is that stands for an adapter, about 480 pixels wide if need be.

    Until there are small copies of a picture among the files it is that picture itself, if it is
    no large file; else, and for whom the files are closed, a drawn one.
    """
    if item.cover_preview is not None:
        return links.small_preview(item.owner, item.name, item.cover_preview, width=width)
    if item.cover and item.revision and item.has_open_files:
        if item.cover_picture is not None:
            return links.cover(item.owner, item.name, item.cover_picture, width=width)
        if (item.cover_size or 0) <= SHOWN_WHOLE_MAX:
            return links.resolve(item.owner, item.name, item.revision, item.cover)
    return drawn_cover_url(f"{item.owner}/{item.name}", item.family)


def cover_srcset(item: Covered) -> str:
    """Return the `srcset` of a cover; empty where there is one file for all widths."""
    has_file = item.cover_picture is not None and item.has_open_files
    if item.cover_preview is None and not has_file:
        return ""
    return ", ".join(f"{cover_url(item, width)} {width}w" for width in WIDTHS)


def preview_srcset(
    owner: str, name: str, preview_id: int, found: PictureFacts, *, base: bool = False
) -> str:
    """Return the `srcset` of a preview; empty before there are copies of several widths."""
    if len(found.copies) <= 1:
        return ""
    return ", ".join(
        f"{links.small_preview(owner, name, preview_id, base=base, width=width)} "
        f"{found.true_width(width)}w"
        for width in sorted(found.copies)
    )


def drawn_cover_url(name: str, family: str | None) -> str:
    seed = seed_of(name)
    hue = families.family_hue(family)
    if hue is None:
        hue = int(seed[:4], 16) % families.HUES
    motif = covers.motif_of(families.family_makes(family), seed)
    return f"/images/cover/{_EDITION}/{motif}-{hue}-{seed}.svg"


def avatar_url(name: str) -> str:
    return f"/images/avatar/{_EDITION}/{seed_of(name)}.svg"


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


def seed_of(name: str) -> str:
    return hashlib.sha256(name.casefold().encode()).hexdigest()[:_SEED_LENGTH]
