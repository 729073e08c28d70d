"""Which paths of a repository may become files on this machine.

The hub checks them too. The client does not rely on that: a path is where bytes get written.
"""

import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path

from lorahub.errors import LorahubError, VerificationFailed

_MOST_BYTES = 1024
_MOST_PART_BYTES = 255
_MOST_PARTS = 32
# Windows opens these as devices, whatever follows the first dot.
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$"]
    + [f"{port}{n}" for port in ("com", "lpt") for n in "123456789¹²³"]
)
_WINDOWS = frozenset('<>:"|?*')
_HIDING = frozenset({"Cc", "Cs", "Zl", "Zp"})
_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class UnsafePath(VerificationFailed):
    code = "unsafe_path"


def why_unsafe(path: str, *, windows: bool = False) -> str | None:
    """What is wrong with a path from elsewhere, or None when it can be written below a folder."""
    if not path or path.startswith("/") or "\\" in path:
        return "is empty, absolute or has a backslash"
    if any(unicodedata.category(char) in _HIDING or char in _DIRECTION for char in path):
        return "has control characters"
    parts = path.split("/")
    if len(path.encode()) > _MOST_BYTES or len(parts) > _MOST_PARTS:
        return "is too long"
    if windows and _WINDOWS & set(path):
        return "has characters that Windows does not allow"
    return next((fault for part in parts for wrong, fault in _RULES if wrong(part)), None)


_RULES: tuple[tuple[Callable[[str], bool], str], ...] = (
    (lambda part: part in {"", ".", ".."}, "leaves its folder"),
    (lambda part: len(part.encode()) > _MOST_PART_BYTES, "is too long"),
    (
        lambda part: part != part.strip() or part.endswith("."),
        "has a part that begins or ends with a space, or ends with a dot",
    ),
    (
        lambda part: part.split(".", 1)[0].rstrip().casefold() in _DEVICES,
        "is named like a Windows device",
    ),
    (
        lambda part: _seen(part).split(":")[0].rstrip(" .") in {".git", "git~1"},
        "reaches into a .git folder",
    ),
)


def _seen(part: str) -> str:
    """A name as file systems that ignore case and invisible characters see it."""
    return "".join(char for char in part if unicodedata.category(char) != "Cf").casefold()


def key(path: str) -> str:
    """Two paths with one key are one file on some file systems."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def check_all(paths: Iterable[str], *, windows: bool = False) -> None:
    """Raise UnsafePath unless all of these can be written side by side."""
    files: dict[str, str] = {}
    folders: dict[str, str] = {}
    for path in paths:
        fault = why_unsafe(path, windows=windows)
        if fault:
            raise UnsafePath(f"The hub names the file {shown(path)}, which {fault}. Nothing done.")
        whole = key(path)
        if whole in files:
            raise UnsafePath(
                f"{shown(files[whole])} and {shown(path)} are one file on many systems. Fetch "
                "them one by one with --file."
            )
        files[whole] = path
        parts = whole.split("/")
        for end in range(1, len(parts)):
            folders.setdefault("/".join(parts[:end]), path)
    for folder, inside in folders.items():
        if folder in files:
            raise UnsafePath(f"{shown(files[folder])} is a file and the folder of {shown(inside)}.")


def below(root: Path, path: str) -> Path:
    """The place of a checked path below `root`, which may itself be a link. A link inside, that
    somebody put there, must not lead the file out of it.
    """
    place = root.joinpath(*path.split("/"))
    folder = place.parent
    while not folder.exists() and folder != root:
        if folder.is_symlink():
            break
        folder = folder.parent
    if folder != root and not folder.resolve().is_relative_to(root.resolve()):
        raise LorahubError(
            f"{folder} is a link that leads out of {root}; nothing is written through it. Remove "
            "the link or choose another folder with --to.",
            code="link_in_the_way",
        )
    return place


def shown(path: str) -> str:
    """A stranger's path, safe to print."""
    return ascii(path[:200]) if not path.isprintable() else repr(path[:200])
