"""The small copies of a picture that pages show."""

import io
from itertools import pairwise
from typing import TYPE_CHECKING

from lorahub_server.insight.previews.limits import TALLEST
from lorahub_server.storage.keys import SMALL, WIDTHS

if TYPE_CHECKING:
    from PIL.Image import Image

_QUALITY = 82


def copies(picture: "Image") -> dict[int, bytes]:
    """WebP by width in pixels, without what the file says about itself.

    The next wider copy than the picture is as wide as the picture; there is none beyond that one.
    """
    source = picture.convert("RGBA" if "A" in picture.getbands() else "RGB")
    made = {}
    # From the widest on, so that each is made of the one before.
    for width in reversed(widths(picture.width)):
        source.thumbnail((width, TALLEST * width), reducing_gap=3.0)
        out = io.BytesIO()
        source.save(out, "WEBP", quality=_QUALITY, method=4)
        made[width] = out.getvalue()
    return made


def widths(picture: int) -> list[int]:
    """Return which copies a picture of that width gets; the one of 480 pixels always."""
    narrower = [width for width in WIDTHS if width < SMALL and width < picture]
    wider = [width for before, width in pairwise(WIDTHS) if SMALL <= before < picture]
    return [*narrower, SMALL, *wider]
