"""Small copies of pictures that strangers sent: decoded within bounds."""

import io
import warnings
from dataclasses import dataclass

from lorahub_server.insight.previews.limits import PIXELS_MAX
from lorahub_server.storage.keys import WIDTHS
from lorahub_worker.engines import small

# Of moving ones the first picture stands for all.
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
# In EXIF: how a camera was held; from 5 on it lay on its side.
_ORIENTATION, _FIRST_TURNED = 0x0112, 5
_WIDEST = max(WIDTHS)


class UnreadablePicture(Exception):
    """The bytes are no picture that can be shown."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a picture is, and its WebP copies by width."""

    media_type: str
    width: int
    height: int
    copies: dict[int, bytes]


def decode(data: bytes) -> Decoded:
    """Return a picture's size as it is shown, and its small copies. Raises UnreadablePicture."""
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            # What is only suspicious to Pillow is too large for us.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
                _check_size(picture.width, picture.height)
                kind, (width, height) = f"image/{picture.format}".lower(), picture.size
                if picture.getexif().get(_ORIENTATION, 1) >= _FIRST_TURNED:
                    width, height = height, width
                # A JPEG is read at a fraction of its size at once.
                picture.draft("RGB", (2 * _WIDEST, 2 * _WIDEST))
                copies = small.copies(ImageOps.exif_transpose(picture))
                return Decoded(kind, width, height, copies)
    except UnreadablePicture:
        raise
    except Exception as error:
        # Pillow raises whatever its decoders run into.
        raise UnreadablePicture("The picture is damaged, or no picture at all.") from error


def _check_size(width: int, height: int) -> None:
    if width * height > PIXELS_MAX:
        raise UnreadablePicture("The picture has too many pixels.")
