"""`owner/name@revision`: what people write, and the addresses it becomes."""

import re
from typing import NamedTuple, Self
from urllib.parse import quote, urlsplit

from lorahub.errors import UsageError

_OWNER = re.compile(r"[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*")
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?")
_MOST_NAME = 96


class RepoName(NamedTuple):
    owner: str
    name: str

    def __str__(self) -> str:
        return f"{self.owner}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> Self:
        if not is_repo(text):
            raise UsageError(
                f"{text!r} names no repository. Write owner/name, as in alice/my-style."
            )
        owner, _, name = text.partition("/")
        return cls(owner, name)


class Target(NamedTuple):
    """What a person points at. `endpoint` is set when it was the address of a page."""

    repo: RepoName
    revision: str | None
    endpoint: str | None

    @classmethod
    def parse(cls, text: str, revision: str | None = None) -> Self:
        endpoint = None
        if text.startswith(("http://", "https://")):
            endpoint, text = _of_page(text)
        repo, mark, written = text.strip().partition("@")
        if mark and not written:
            raise UsageError(f"No revision follows the @ of {text!r}.")
        if written and revision is not None and revision != written:
            raise UsageError(f"Two revisions are named: {written!r} and {revision!r}.")
        return cls(RepoName.parse(repo), written or revision, endpoint)


def is_repo(text: str) -> bool:
    owner, _, name = text.partition("/")
    return _OWNER.fullmatch(owner) is not None and is_repo_name(name)


def is_repo_name(name: str) -> bool:
    return len(name) <= _MOST_NAME and ".." not in name and _NAME.fullmatch(name) is not None


def _of_page(url: str) -> tuple[str, str]:
    """The hub and `owner/name` of a repository's page."""
    parts = urlsplit(url)
    pieces = parts.path.strip("/").split("/")
    if len(pieces) < len(RepoName._fields) or parts.query:
        raise UsageError(f"{url} is no page of a repository. Write owner/name instead.")
    prefix = "/".join(pieces[:-2])
    base = f"{parts.scheme}://{parts.netloc}"
    return (f"{base}/{prefix}" if prefix else base), "/".join(pieces[-2:])


def piece(text: str) -> str:
    """A revision or another name as one piece of an address."""
    return quote(text, safe="")


def file_path(path: str) -> str:
    """A file's path in an address; its slashes stay."""
    return quote(path, safe="/")
