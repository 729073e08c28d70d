"""The small copy of a picture that lists show."""

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

LARGEST = 480
_QUALITY = 82


def small_copy(picture: "Image") -> bytes:
    """WebP, at most 480 pixels wide and high, without what the file says about itself."""
    copy = picture.convert("RGBA" if "A" in picture.getbands() else "RGB")
    copy.thumbnail((LARGEST, LARGEST))
    out = io.BytesIO()
    copy.save(out, "WEBP", quality=_QUALITY, method=4)
    return out.getvalue()
