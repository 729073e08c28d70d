"""What the hub answers, as tuples with names; `_asdict()` gives them as JSON has them.

A field that a newer hub adds is left out, one that an older hub lacks has its default.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from lorahub.errors import NetworkFailed
from lorahub.names import is_repo

_SHA256 = re.compile(r"[0-9a-f]{64}")
_REVISION = re.compile(r"[0-9a-f]{40,64}")
_MOST_SIZE = 2**53


class Identity(NamedTuple):
    """Who a token belongs to. `token` has its name, scopes and expiry.

    `organizations` have their names, and the role in each.
    """

    name: str
    display_name: str = ""
    is_admin: bool = False
    via: str = "token"
    token: dict[str, Any] | None = None
    organizations: Sequence[dict[str, Any]] = ()


class Repo(NamedTuple):
    """`family` is what the weights say, `family_declared` what the card says."""

    id: str
    owner: str
    name: str
    private: bool = False
    gated: str | None = None
    default_branch: str = "main"
    revision: str | None = None
    title: str | None = None
    summary: str | None = None
    license: str | None = None
    base_model: str | None = None
    family: str | None = None
    family_declared: str | None = None
    layout: str | None = None
    method: str | None = None
    rank: int | None = None
    size: int = 0
    trigger_words: Sequence[str] = ()
    tags: Sequence[str] = ()
    stars: int = 0
    downloads: int = 0
    starred: bool = False
    health: str | None = None
    forked_from: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    url: str = ""


class Ref(NamedTuple):
    name: str
    revision: str


class Refs(NamedTuple):
    branches: Sequence[Ref]
    tags: Sequence[Ref]


class Entry(NamedTuple):
    """A file or folder of a revision. `sha256` is None where the hub does not know it."""

    path: str
    kind: str = "file"
    size: int = 0
    sha256: str | None = None
    oid: str = ""
    large: bool = False


class CommitInfo(NamedTuple):
    revision: str
    title: str = ""
    message: str = ""
    author: Any = None
    created_at: str | None = None
    parent: str | None = None


class Committed(NamedTuple):
    """`changed` is False when the branch had all of it already."""

    revision: str
    parent: str | None = None
    changed: bool = True
    branch: str = "main"
    url: str = ""


class Upload(NamedTuple):
    """`offset` counts the bytes that the hub has safely."""

    id: str
    offset: int = 0
    size: int = 0
    state: str = "open"
    sha256: str | None = None


class Verified(NamedTuple):
    sha256: str
    size: int
    summary: dict[str, Any] | None = None


class Planned(NamedTuple):
    """What a file to be pushed needs: "same", "inline", "known" or "upload"."""

    path: str
    action: str


class Plan(NamedTuple):
    revision: str | None
    files: Sequence[Planned]


class RemoteFile(NamedTuple):
    """`variant` is the id of what the hub makes to order, when the bytes come from there; `url` is
    then the file's name in it.
    """

    path: str
    size: int
    sha256: str
    large: bool = False
    url: str = ""
    variant: str = ""


class Form(NamedTuple):
    """Another form of an adapter file: what is None stays as it is in the file."""

    layout: str | None = None
    dtype: str | None = None
    rank: int | None = None
    energy: float | None = None
    family: str | None = None

    def __str__(self) -> str:
        return " ".join(f"{name}={value}" for name, value in self._asdict().items() if value)


class VariantFile(NamedTuple):
    name: str
    size: int
    sha256: str
    url: str = ""


class Variant(NamedTuple):
    """An adapter file in another form; `state` is "waiting", "running", "done" or "failed"."""

    id: str
    state: str
    recipe: str = ""
    progress: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    files: Sequence[VariantFile] = ()
    report: dict[str, Any] | None = None


class AdapterFacts(NamedTuple):
    """What the hub recognised in an adapter file."""

    path: str
    sha256: str = ""
    layout: str | None = None
    family: str | None = None
    method: str | None = None
    rank: int | None = None


class Manifest(NamedTuple):
    """All files of one revision. `cover` is the path of the picture that stands for it."""

    repo: str
    revision: str
    files: Sequence[RemoteFile]
    adapters: Sequence[AdapterFacts] = ()
    trigger_words: Sequence[str] = ()
    cover: str | None = None


class HashFound(NamedTuple):
    """A repository that has a file, or had it; `state` is "current", "replaced" or "removed".

    `current` has the path, sha256, size and url of the file that stands there now.
    """

    repo: str
    path: str
    sha256: str
    kind: str = "SHA256"
    size: int = 0
    revision: str | None = None
    published_at: str | None = None
    state: str = "removed"
    current: dict[str, Any] | None = None


class Known(NamedTuple):
    """What the hub knows of a hash; `removed` are repositories that were deleted."""

    hash: str
    found: Sequence[HashFound] = ()
    removed: Sequence[HashFound] = ()


_T = TypeVar("_T", bound=tuple[Any, ...])


def build(kind: type[_T], data: Any) -> _T:
    """One answer as its tuple."""
    fields: tuple[str, ...] = getattr(kind, "_fields", ())
    make: Callable[..., _T] = kind
    if not isinstance(data, dict):
        raise _strange(kind.__name__)
    try:
        return make(**{name: data[name] for name in fields if name in data})
    except TypeError:
        raise _strange(kind.__name__) from None


def field(data: Any, name: str) -> Any:
    """One field of an answer that must have it."""
    if not isinstance(data, dict) or name not in data:
        raise _strange(name)
    return data[name]


def build_all(kind: type[_T], data: Any) -> list[_T]:
    if not isinstance(data, list):
        raise _strange(kind.__name__)
    return [build(kind, item) for item in data]


def build_manifest(data: Any) -> Manifest:
    """A manifest, each field checked: what it says decides what is written where."""
    manifest = build(Manifest, data)
    files = build_all(RemoteFile, manifest.files)
    for file in files:
        if not (isinstance(file.path, str) and _is_content(file.size, file.sha256)):
            raise _strange("Manifest")
    words = manifest.trigger_words
    if (
        not isinstance(manifest.repo, str)
        or not is_repo(manifest.repo)
        or not isinstance(manifest.revision, str)
        or not _REVISION.fullmatch(manifest.revision)
        or not isinstance(words, Sequence)
    ):
        raise _strange("Manifest")
    known = {file.path for file in files}
    adapters = build_all(AdapterFacts, list(manifest.adapters))
    return manifest._replace(
        files=files,
        adapters=[adapter for adapter in adapters if adapter.path in known],
        trigger_words=[word for word in words if isinstance(word, str)],
    )


def build_variant(data: Any) -> Variant:
    """A variant, what names its files checked like a manifest."""
    variant = build(Variant, data)
    files = build_all(VariantFile, list(variant.files))
    for file in files:
        if not (isinstance(file.name, str) and _is_content(file.size, file.sha256)):
            raise _strange("Variant")
    if not _is_sha256(variant.id):
        raise _strange("Variant")
    return variant._replace(files=files)


def build_known(data: Any) -> Known:
    """What is known of a hash, as far as a program decides by it."""
    known = build(Known, data)
    found = build_all(HashFound, known.found)
    removed = build_all(HashFound, known.removed)
    for one in (*found, *removed):
        texts = (known.hash, one.repo, one.path, one.state)
        if not all(isinstance(text, str) for text in texts) or not _is_sha256(one.sha256):
            raise _strange("Known")
        if one.state not in {"current", "replaced", "removed"}:
            raise _strange("Known")
        if one.current is not None and not isinstance(one.current, dict):
            raise _strange("Known")
    return known._replace(found=found, removed=removed)


def _is_content(size: Any, sha256: Any) -> bool:
    return type(size) is int and 0 <= size <= _MOST_SIZE and _is_sha256(sha256)


def _is_sha256(value: Any) -> bool:
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None


def _strange(what: str) -> NetworkFailed:
    return NetworkFailed(
        f"The hub's answer ({what}) was not understood. Its version may be newer or older than "
        "this client's: install the hub's version of lorahub.",
        code="not_understood",
    )
