"""The texts in EXIF data, which is a small TIFF file. What can't be read is left out."""

import struct
from collections.abc import Iterator

_IMAGE_DESCRIPTION, _SOFTWARE, _EXIF_IFD, _USER_COMMENT = 0x010E, 0x0131, 0x8769, 0x9286
_NAMES = {
    _IMAGE_DESCRIPTION: "description",
    _SOFTWARE: "software",
    _USER_COMMENT: "UserComment",
    # ComfyUI's nodes write their JSON into the makes and models of cameras.
    0x010F: "make",
    0x0110: "model",
}
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 7: 1}
_ENTRIES_MAX = 500
_TEXT_MAX = 1024 * 1024
_CODE = 8  # bytes that name the character set of a user comment


def exif_texts(data: bytes) -> dict[str, str]:
    """Return the texts by name."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None:
        return {}
    found: dict[str, str] = {}
    try:
        (first,) = struct.unpack_from(f"{order}I", data, 4)
        waiting = [first]
        for offset in waiting:
            for tag, value in _entries(data, order, offset):
                if tag == _EXIF_IFD and len(waiting) == 1:
                    waiting.append(int.from_bytes(value[:4], "little" if order == "<" else "big"))
                elif tag in _NAMES:
                    text = _user_comment(value, order) if tag == _USER_COMMENT else _plain(value)
                    found.setdefault(_NAMES[tag], text)
    except (struct.error, OverflowError):
        pass
    return found


def _entries(data: bytes, order: str, offset: int) -> Iterator[tuple[int, bytes]]:
    (count,) = struct.unpack_from(f"{order}H", data, offset)
    for number in range(min(count, _ENTRIES_MAX)):
        at = offset + 2 + 12 * number
        tag, kind, amount = struct.unpack_from(f"{order}HHI", data, at)
        size = _SIZES.get(kind, 0) * amount
        if not 0 < size <= _TEXT_MAX or (tag not in _NAMES and tag != _EXIF_IFD):
            continue
        start = at + 8 if size <= len("four") else struct.unpack_from(f"{order}I", data, at + 8)[0]
        yield tag, data[start : start + size]


def _plain(value: bytes) -> str:
    return value.rstrip(b"\0").decode("utf-8", "replace")


def _user_comment(value: bytes, order: str) -> str:
    code, text = value[:_CODE], value[_CODE:]
    if code.startswith(b"UNICODE"):
        return text.decode(_utf16(text, order), "replace").strip("\0 ")
    if code.startswith(b"ASCII") or not code.strip(b"\0"):
        return _plain(text).strip()
    return _plain(value).strip()


def _utf16(text: bytes, order: str) -> str:
    """Tell the order of bytes, about which programs and the file's own header disagree."""
    if text[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    high, low = text[0:2000:2].count(0), text[1:2000:2].count(0)
    if high != low:
        return "utf-16-be" if high > low else "utf-16-le"
    return "utf-16-le" if order == "<" else "utf-16-be"
