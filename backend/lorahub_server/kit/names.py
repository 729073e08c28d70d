"""What may be called what: one grammar for accounts, repositories, refs and paths.

Every `check_*` function returns the name it was given, or raises with the rule that it breaks.
"""

import re
import sys
import unicodedata
from collections.abc import Callable

from lorahub_server.kit.errors import HubError
from lorahub_server.kit.words import words

ACCOUNT_MIN = 2
ACCOUNT_MAX = 39
REPO_MAX = 96
REF_MAX_BYTES = 250
PATH_MAX_BYTES = 1024
SEGMENT_MAX_BYTES = 255
PATH_MAX_DEPTH = 32

# Windows opens these as devices whatever follows the first dot; a pull must work there too.
DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))]
)

RESERVED = DEVICES | words("accounts")

RESERVED_REPOS = DEVICES | words("repositories")
_REPO_ENDINGS = (".atom", ".git", ".ipynb", ".lock", ".wiki")

_ACCOUNT = re.compile(r"[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*")
_REPO = re.compile(r"[A-Za-z0-9._-]+")
_WINDOWS = frozenset('<>:"|?*')
_HEX_ID = re.compile(r"(?:[0-9a-fA-F]{40}|[0-9a-fA-F]{64})")
_REF_FORBIDDEN = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{")
_LOOK_ALIKE = str.maketrans({"1": "l", "i": "l", "0": "o", "-": None, "_": None, ".": None})
# Direction marks reorder what a person reads; "gpj.exe" must not pose as "exe.jpg".
_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

# Each rule tells what breaks it, and says so; the first broken one counts.
_Rules = tuple[tuple[Callable[[str], bool], str], ...]


class InvalidName(HubError):
    """The name breaks the grammar; the message says which rule."""

    status = 422
    code = "invalid_name"


class InvalidRef(InvalidName):
    code = "invalid_ref"


class InvalidPath(InvalidName):
    code = "invalid_path"


def lower(name: str) -> str:
    """Return the key under which a name is looked up: names differ by more than their case."""
    return name.casefold()


def fold(name: str) -> str:
    """Return the key two account names share when a reader could take one for the other.

    Case, separators, and the shapes 1/l/I and 0/O do not count.
    """
    return name.casefold().translate(_LOOK_ALIKE)


_RESERVED_KEYS = frozenset(fold(word) for word in RESERVED)


def is_text(text: str) -> bool:
    """Tell whether a database can hold the text: no NUL in it, and no half of a character."""
    return "\0" not in text and _utf8_length(text) < sys.maxsize


def is_account_name(name: str) -> bool:
    """Tell whether looking the text up is worth it: the form alone, reserved or not."""
    return ACCOUNT_MIN <= len(name) <= ACCOUNT_MAX and _ACCOUNT.fullmatch(name) is not None


def check_account_name(name: str) -> str:
    if not ACCOUNT_MIN <= len(name) <= ACCOUNT_MAX:
        message = f"Account names have {ACCOUNT_MIN} to {ACCOUNT_MAX} characters; choose another."
        raise InvalidName(message, place="name")
    if not _ACCOUNT.fullmatch(name):
        raise InvalidName(
            "Account names are made of letters A-Z, digits, and single - or _ between them; "
            "choose another.",
            place="name",
        )
    if fold(name) in _RESERVED_KEYS:
        message = f"The name {name} is reserved, or looks like a reserved one; choose another."
        raise InvalidName(message, place="name")
    return name


def check_repo_name(name: str) -> str:
    """Check the part after the slash. `huggingface_hub` clients accept every name that passes."""
    if not 1 <= len(name) <= REPO_MAX:
        message = f"Repository names have 1 to {REPO_MAX} characters; choose another."
        raise InvalidName(message, place="name")
    if not _REPO.fullmatch(name) or name[0] in ".-" or name[-1] in ".-":
        raise InvalidName(
            "Repository names are made of letters A-Z, digits, -, _ and ., "
            "and neither begin nor end with - or .; choose another.",
            place="name",
        )
    if "--" in name or ".." in name:
        message = "Repository names contain neither -- nor ..; use a single one."
        raise InvalidName(message, place="name")
    key = lower(name)
    ending = next((e for e in _REPO_ENDINGS if key.endswith(e)), None)
    if ending is not None:
        raise InvalidName(f"Repository names don't end in {ending}; leave it out.", place="name")
    if key in RESERVED_REPOS or key.split(".", 1)[0] in DEVICES:
        message = f"The repository name {name} is reserved; choose another."
        raise InvalidName(message, place="name")
    return name


def check_ref_name(name: str) -> str:
    """Check a branch or tag name: git's own rules, and nothing that looks like a commit id."""
    fault = _broken(_REF_RULES, name) or _text_fault(name)
    if fault is not None:
        raise InvalidRef(f"A branch or tag name {fault}; choose another.", place="name")
    return name


_REF_RULES: _Rules = (
    (lambda ref: not ref, "can't be empty"),
    (
        lambda ref: _utf8_length(ref) > REF_MAX_BYTES,
        f"is at most {REF_MAX_BYTES} bytes of UTF-8",
    ),
    (lambda ref: _HEX_ID.fullmatch(ref) is not None, "can't look like a commit id"),
    (
        lambda ref: ref.casefold() in {"head", "@"} or ref.casefold().split("/")[0] == "refs",
        "can't be HEAD, @, or begin with refs/",
    ),
    (
        lambda ref: _REF_FORBIDDEN.search(ref) is not None,
        "can't contain spaces, control characters, .., @{ or any of ~ ^ : ? * [ \\",
    ),
    (
        lambda ref: ref.startswith("-") or ref.endswith("."),
        "can't begin with - or end with .",
    ),
    (lambda ref: "" in ref.split("/"), "can't begin or end with /, or contain //"),
    (
        lambda ref: any(p[0] == "." or p.casefold().endswith(".lock") for p in ref.split("/")),
        "can't have a part that begins with . or ends with .lock",
    ),
)


def check_path(path: str) -> str:
    """Check a file's path in a repository: one that git, S3, Windows and macOS all can hold."""
    fault = _broken(_PATH_RULES, path) or _text_fault(path)
    for part in path.split("/"):
        fault = fault or _broken(_SEGMENT_RULES, part)
    if fault is not None:
        raise InvalidPath(f"The file path {fault}; rename the file.", place=_printable(path))
    return path


_PATH_RULES: _Rules = (
    (lambda path: not path, "can't be empty"),
    (
        lambda path: _utf8_length(path) > PATH_MAX_BYTES,
        f"is at most {PATH_MAX_BYTES} bytes of UTF-8",
    ),
    (lambda path: path[0] == "/", "is relative to the repository: it can't begin with /"),
    (lambda path: "\\" in path, "has / between folders, never \\"),
    (
        lambda path: path.count("/") >= PATH_MAX_DEPTH,
        f"has at most {PATH_MAX_DEPTH} parts between slashes",
    ),
)


def _is_dot_git(segment: str) -> bool:
    """Tell whether some file system would open the segment as `.git`.

    HFS+ ignores invisible characters, NTFS knows `git~1` and cuts at the stream separator `:`.
    """
    seen = "".join(c for c in segment if unicodedata.category(c) != "Cf").casefold()
    return seen.split(":")[0].rstrip(" .") in {".git", "git~1"}


_SEGMENT_RULES: _Rules = (
    (lambda part: part in {"", ".", ".."}, "can't have empty, . or .. parts"),
    (
        lambda part: _utf8_length(part) > SEGMENT_MAX_BYTES,
        f"has at most {SEGMENT_MAX_BYTES} bytes between two slashes",
    ),
    (
        lambda part: part[0].isspace() or part[-1].isspace() or part[-1] == ".",
        "can't have a part that begins or ends with a space, or ends with a dot",
    ),
    (
        lambda part: not _WINDOWS.isdisjoint(part),
        "can't contain < > : \" | ? or *, which Windows can't store",
    ),
    (
        lambda part: all(unicodedata.category(c) in {"Cf", "Mn", "Me"} for c in part),
        "can't have a part that shows nothing",
    ),
    (_is_dot_git, "can't have a part named .git"),
    (
        lambda part: part.split(".", 1)[0].rstrip().casefold() in DEVICES,
        "can't have a part named like a Windows device (CON, NUL, COM1 ...)",
    ),
)


def _text_fault(text: str) -> str | None:
    if unicodedata.normalize("NFC", text) != text:
        return "is written in composed Unicode (NFC)"
    for character in text:
        if unicodedata.category(character) in {"Cc", "Zl", "Zp"} or character in _DIRECTION:
            return "can't contain control or text-direction characters"
    return None


def _broken(rules: _Rules, text: str) -> str | None:
    return next((message for breaks, message in rules if breaks(text)), None)


def _utf8_length(text: str) -> int:
    """Return the length in bytes; endless for text that UTF-8 can't hold (lone surrogates)."""
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        return sys.maxsize


def _printable(text: str) -> str:
    """Return the text short and harmless, for showing it in an error."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:200])
