"""Small copies of pictures that strangers sent: decoded within bounds."""

import io
import warnings

from lorahub_server.insight.previews.limits import PIXELS_MAX
from lorahub_worker.engines import small

_FORMATS = ("PNG", "JPEG", "WEBP")


class UnreadablePicture(Exception):
    """The bytes are no picture that can be shown."""


def small_copy(data: bytes) -> bytes:
    """Return a small WebP. Raises UnreadablePicture."""
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            # What is only suspicious to Pillow is too large for us.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
                _check_size(picture.width, picture.height)
                # A JPEG is read at a fraction of its size at once.
                picture.draft("RGB", (2 * small.LARGEST, 2 * small.LARGEST))
                return small.small_copy(ImageOps.exif_transpose(picture))
    except UnreadablePicture:
        raise
    except Exception as error:
        # Pillow raises whatever its decoders run into.
        raise UnreadablePicture("The picture is damaged, or no picture at all.") from error


def _check_size(width: int, height: int) -> None:
    if width * height > PIXELS_MAX:
        raise UnreadablePicture("The picture has too many pixels.")
