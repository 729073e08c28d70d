"""The beginnings of picture files: what kind, how large, and the texts in them.

Strangers send these. Nothing is decoded but headers and texts, all of it within bounds.
"""

import struct
import zlib
from dataclasses import dataclass, field

from lorahub_server.insight.previews.errors import BadPicture, PictureTooLarge
from lorahub_server.insight.previews.limits import PIXELS_MAX, SIDE_MAX
from lorahub_server.insight.previews.tiff import exif_texts

# A ComfyUI workflow has some 100 KB.
TEXT_MAX = 1024 * 1024
TEXTS_MAX = 64
_ALL_TEXT_MAX = 4 * TEXT_MAX
_CHUNKS_MAX = 20_000
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_MARK, _SOS, _EOI, _APP1, _COM = 0xFF, 0xDA, 0xD9, 0xE1, 0xFE
# Markers of frames, which have the size: baseline, progressive and their kin.
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
_EXIF = b"Exif\0\0"


@dataclass(slots=True)
class Head:
    """What a picture is, and its texts by their keys."""

    media_type: str
    width: int
    height: int
    texts: dict[str, str] = field(default_factory=dict)


def read_head(data: bytes) -> Head:
    """Return what the bytes of a picture say about it. Raises BadPicture and PictureTooLarge."""
    try:
        if data.startswith(_PNG):
            head = _png(data)
        elif data.startswith(_JPEG):
            head = _jpeg(data)
        elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            head = _webp(data)
        else:
            raise BadPicture("The file is no PNG, JPEG or WebP picture. Send one of these.")
    except (struct.error, IndexError, ValueError) as error:
        raise _broken("it ends in the middle of something") from error
    if not head.width or not head.height:
        raise _broken("it has no size")
    if max(head.width, head.height) > SIDE_MAX or head.width * head.height > PIXELS_MAX:
        raise PictureTooLarge(
            f"The picture has {head.width} x {head.height} pixels. At most {SIDE_MAX} a side and "
            f"{PIXELS_MAX // 1024 // 1024} million together are taken. Make it smaller."
        )
    return head


def _png(data: bytes) -> Head:
    head = Head("image/png", 0, 0)
    position, chunks, has_data, room = len(_PNG), 0, False, _ALL_TEXT_MAX
    while True:
        chunks += 1
        if chunks > _CHUNKS_MAX:
            raise _broken("it has too many parts")
        length, kind = struct.unpack_from(">I4s", data, position)
        body = data[position + 8 : position + 8 + length]
        (crc,) = struct.unpack_from(">I", data, position + 8 + length)
        if zlib.crc32(body, zlib.crc32(kind)) != crc:
            raise _broken("the checksum of a part is wrong")
        position += 12 + length
        if chunks == 1:
            if kind != b"IHDR":
                raise _broken("its header is missing")
            head.width, head.height = struct.unpack_from(">II", body)
        has_data = has_data or kind == b"IDAT"
        if kind == b"IEND":
            break
        room = _take_text(head, kind, body, room)
    if not has_data:
        raise _broken("it has no picture in it")
    return head


def _take_text(head: Head, kind: bytes, body: bytes, room: int) -> int:
    """Read a part that is text; return how much more text there may be."""
    if kind == b"eXIf":
        head.texts |= {name: text for name, text in exif_texts(body).items() if text}
        return room
    if kind not in (b"tEXt", b"zTXt", b"iTXt"):
        return room
    if len(head.texts) >= TEXTS_MAX:
        raise _broken("it has too many texts")
    key, text = _text_of(kind, body)
    room -= len(text)
    if room < 0:
        raise _too_much_text()
    head.texts.setdefault(key, text)
    return room


def _text_of(kind: bytes, body: bytes) -> tuple[str, str]:
    name, _, rest = body.partition(b"\0")
    key = name[:79].decode("latin-1")
    if kind == b"tEXt":
        return key, _bounded(rest).decode("latin-1")
    if kind == b"zTXt":
        return key, _inflated(rest[1:]).decode("latin-1")
    is_packed = rest[0] == 1
    _language, _, rest = rest[2:].partition(b"\0")
    _translated, _, rest = rest.partition(b"\0")
    return key, (_inflated(rest) if is_packed else _bounded(rest)).decode("utf-8", "replace")


def _bounded(text: bytes) -> bytes:
    if len(text) > TEXT_MAX:
        raise _too_much_text()
    return text


def _inflated(packed: bytes) -> bytes:
    """Unpack at most TEXT_MAX bytes: a few packed ones can be a million others."""
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(packed, TEXT_MAX + 1)
    except zlib.error as error:
        raise _broken("a packed text in it can't be unpacked") from error
    return _bounded(text)


def _jpeg(data: bytes) -> Head:
    head = Head("image/jpeg", 0, 0)
    position = 2
    for _ in range(_CHUNKS_MAX):
        if data[position] != _MARK:
            raise _broken("its parts do not follow each other")
        marker = data[position + 1]
        if marker == _MARK:
            position += 1
            continue
        if marker in _BARE:
            position += 2
            continue
        if marker in (_SOS, _EOI):
            break
        (length,) = struct.unpack_from(">H", data, position + 2)
        body = data[position + 4 : position + 2 + length]
        if length < len("xx") or len(body) != length - 2:
            raise _broken("a part is shorter than it says")
        if marker in _FRAMES:
            head.height, head.width = struct.unpack_from(">HH", body, 1)
        elif marker == _APP1 and body.startswith(_EXIF):
            head.texts |= exif_texts(body[len(_EXIF) :])
        elif marker == _COM:
            head.texts.setdefault("comment", body.decode("utf-8", "replace"))
        position += 2 + length
    else:
        raise _broken("it has too many parts")
    return head


def _webp(data: bytes) -> Head:
    head = Head("image/webp", 0, 0)
    end = min(len(data), 8 + struct.unpack_from("<I", data, 4)[0])
    position = 12
    for _ in range(_CHUNKS_MAX):
        if position + 8 > end:
            return head
        kind, length = struct.unpack_from("<4sI", data, position)
        body = data[position + 8 : position + 8 + length]
        if len(body) != length:
            raise _broken("a part is shorter than it says")
        _webp_part(head, kind, body)
        position += 8 + length + length % 2
    raise _broken("it has too many parts")


def _webp_part(head: Head, kind: bytes, body: bytes) -> None:
    if kind == b"VP8X":
        head.width = 1 + int.from_bytes(body[4:7], "little")
        head.height = 1 + int.from_bytes(body[7:10], "little")
    elif kind == b"VP8 " and not head.width:
        if body[3:6] != b"\x9d\x01\x2a":
            raise _broken("its picture is missing")
        wide, high = struct.unpack_from("<HH", body, 6)
        head.width, head.height = wide & 0x3FFF, high & 0x3FFF
    elif kind == b"VP8L" and not head.width:
        (bits,) = struct.unpack_from("<I", body, 1)
        head.width, head.height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif kind == b"EXIF":
        head.texts |= exif_texts(body.removeprefix(_EXIF))


def _broken(what: str) -> BadPicture:
    return BadPicture(f"The picture is broken: {what}. Save it again with a picture program.")


def _too_much_text() -> BadPicture:
    return BadPicture(
        f"The picture has a text in it of more than {TEXT_MAX // 1024} KiB. Save it without."
    )
