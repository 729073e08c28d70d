"""Picture files as people and programs send them, and as nobody should."""

import io
import struct
import zlib
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

_USER_COMMENT, _EXIF = 0x9286, 0x8769


def picture(
    kind: str = "PNG", size: tuple[int, int] = (32, 24), seed: int = 1, **more: Any
) -> bytes:
    out = io.BytesIO()
    drawn = Image.linear_gradient("L").resize(size).convert("RGB")
    drawn.putpixel((0, 0), (seed % 256, seed // 256 % 256, 7))
    drawn.save(out, kind, **more)
    return out.getvalue()


def png(
    texts: dict[str, str],
    *,
    packed: bool = False,
    size: tuple[int, int] = (32, 24),
    encoding: tuple[str, str] | None = None,
) -> bytes:
    """A PNG with these texts."""
    if encoding is not None:
        rows = [
            (b"iTXt", key.encode() + b"\0\0\0\0\0" + text.encode(*encoding))
            for key, text in texts.items()
        ]
        return raw_png(*rows)
    info = PngInfo()
    for key, text in texts.items():
        info.add_text(key, text, zip=packed)
    return picture("PNG", size, pnginfo=info)


def user_comment(text: str, code: str) -> bytes:
    """EXIF with this comment, in UTF-16 of one order or the other, or in ASCII."""
    head = b"ASCII\0\0\0" if code == "ascii" else b"UNICODE\0"
    exif = Image.Exif()
    exif.get_ifd(_EXIF)[_USER_COMMENT] = head + text.encode(code)
    return exif.tobytes()


def raw_png(
    *chunks: tuple[bytes, bytes], size: tuple[int, int] = (4, 4), with_data: bool = True
) -> bytes:
    """A PNG of these parts, whose sums are right whatever is in them."""
    wide, high = size
    rows = [(b"IHDR", struct.pack(">IIBBBBB", wide, high, 8, 2, 0, 0, 0)), *chunks]
    if with_data:
        rows.append((b"IDAT", zlib.compress(b"\0" * 52)))
    rows.append((b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in rows
    )
