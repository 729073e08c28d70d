"""Where an address in a stranger's text leads, and whether it may."""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_ALLOWED = re.compile(r"(?:https?://[^/]|mailto:[^/])", re.IGNORECASE)
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]")
_MAX = 2000
# What may stand in an address as it is; everything else is encoded.
_SAFE = "/:?#[]@!$&'()*+,;=%~"
ID_PREFIX = "card-"


@dataclass(frozen=True, slots=True)
class Bases:
    """Paths on this site, with a slash at the end: of the pages of files, and of their bytes.

    `raw` None: the bytes are not for whoever reads the text.
    """

    link: str
    raw: str | None


def is_allowed(address: str) -> bool:
    """Tell whether the address is relative, or of a scheme that only ever opens a page."""
    address = _bare(address)
    return not _SCHEME.match(address) or _ALLOWED.match(address) is not None


def link(address: str, bases: Bases) -> str | None:
    """Return where a link leads; None: nowhere, it is shown as text."""
    address = _bare(address)
    if not address or len(address) > _MAX or not is_allowed(address):
        return None
    if address.startswith("#"):
        return f"#{ID_PREFIX}{slug(unquote(address[1:]))}"
    if address.startswith("//"):
        return quote(f"https:{address}", safe=_SAFE)
    if address.startswith("/") or _SCHEME.match(address):
        return quote(address, safe=_SAFE)
    return _inside(address, bases.link, keep_fragment=True)


def picture(address: str, bases: Bases) -> str | None:
    """Return the address of a picture of the repository's own; None when it is not one."""
    address = _bare(address)
    if bases.raw is None or not address or len(address) > _MAX or _SCHEME.match(address):
        return None
    if address.startswith(bases.raw) and bases.raw != "/":
        address = address[len(bases.raw) :]
    if address.startswith(("/", "#")):
        return None
    return _inside(address, bases.raw, keep_fragment=False)


def slug(text: str) -> str:
    """Return what a heading is called in an address, as GitHub does."""
    kept = "".join(c for c in text.lower() if c.isalnum() or c in " -_")
    return kept.strip().replace(" ", "-")[:100]


def _bare(address: str) -> str:
    # Browsers drop what can't be seen, and read a backslash as a slash.
    return _INVISIBLE.sub("", address.strip()).replace("\\", "/").replace("%5C", "/")


def _inside(address: str, base: str, *, keep_fragment: bool) -> str | None:
    path, mark, fragment = address.partition("#")
    path = unquote(path.partition("?")[0])
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    joined = "/".join(parts)
    if not joined or _INVISIBLE.search(joined) or "\\" in joined:
        return None
    tail = f"#{ID_PREFIX}{slug(unquote(fragment))}" if mark and keep_fragment else ""
    return base + quote(joined, safe="/") + tail
