"""Files by any of their hashes: where they lie, or lay, and what has taken their place."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from lorahub_server.access import Tx
from lorahub_server.kit.errors import BadRequest, HubError
from lorahub_server.library import queries, queries_past
from lorahub_server.library.queries_past import Buried, Held
from lorahub_server.library.tables import AdapterFile
from lorahub_server.repos import history, trees
from lorahub_server.repos.history import CommitInfo
from lorahub_server.repos.tables import Repository

__all__ = [
    "HASHES_MAX",
    "UNKNOWN",
    "Answer",
    "BadHash",
    "Buried",
    "HashNotFound",
    "Held",
    "Holding",
    "Now",
    "State",
    "is_hash",
    "look_up",
    "normal",
    "note",
]

HASHES_MAX = 500
# Repositories that are told of one file, and deleted ones of one question.
_EACH = 5
_BURIED = 100
# Commits between two heads that are looked through for files that came and went.
_WALKED = 50
_HASH = re.compile(r"[0-9a-f]{8,64}")
# What tells the versions of one thing apart: style-v2, style_000012, style-epoch3, style.fp16.
_EDITION = re.compile(
    r"[-_. ]*(?:v(?:er(?:sion)?)?[-_. ]?\d[\d._]*|e(?:poch)?[-_ ]?\d+|s(?:teps?)?[-_ ]?\d+"
    r"|\d[\d._-]*|fp16|bf16|fp32|final|fixed|new)(?=[-_. ]|$)",
    re.IGNORECASE,
)

State = Literal["current", "replaced", "removed"]
UNKNOWN = (
    "No adapter here that you may see has a file of this hash, or had one. Check the hash, or "
    "sign in with an account that may see it."
)


class BadHash(BadRequest):
    code = "bad_hash"


class HashNotFound(HubError):
    status = 404
    code = "hash_not_found"


@dataclass(frozen=True, slots=True)
class Now:
    """The file that stands in a repository's default branch today."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Holding:
    """A repository that has a file, or had it. `kind` says which hash of the file was asked for.

    `state`: `current`, the default branch has it; `replaced`, it has `now` instead; `removed`, it
    has nothing of which that could be said. `revision` is the commit that first had the file.
    """

    kind: str
    sha256: str
    size: int
    path: str
    revision: str
    published_at: datetime
    repo: Repository
    state: State
    now: Now | None


@dataclass(slots=True)
class Answer:
    """What is known of one hash: who has it, the first to publish it first; who had it."""

    value: str
    holdings: list[Holding] = field(default_factory=list)
    buried: list[Buried] = field(default_factory=list)

    @property
    def is_known(self) -> bool:
        return bool(self.holdings or self.buried)

    @property
    def kinds(self) -> set[str]:
        """Which hashes of files it is."""
        return {one.kind for one in self.holdings} | {one.kind for one in self.buried}


def is_hash(value: str) -> bool:
    return _HASH.fullmatch(_stripped(value)) is not None


def normal(value: str) -> str:
    """Return a hash as it is kept, or raise BadHash."""
    found = _stripped(value)
    if not _HASH.fullmatch(found):
        raise BadHash(
            "That is no hash: 8 to 64 of the characters 0-9 and a-f. Copy the SHA-256, AutoV2, "
            "AutoV3, BLAKE3 or CRC32 of the file.",
            place="hash",
        )
    return found


def look_up(tx: Tx, values: Collection[str]) -> list[Answer]:
    """Return what the caller may know of hashes, in the order given, each once.

    Raises BadHash for what is none, and BadRequest for more than HASHES_MAX.
    """
    if len(values) > HASHES_MAX:
        message = f"At most {HASHES_MAX} hashes are looked up at once. Send the rest afterwards."
        raise BadRequest(message, place="hashes")
    answers = {value: Answer(value) for value in map(normal, values)}
    if not answers:
        return []
    held = queries_past.holders(tx.session, tx.caller, answers, _EACH)
    heads = queries_past.heads_of(tx.session, {one.repo.id for one in held}) if held else {}
    for one in held:
        answers[one.value].holdings.append(_holding(one, heads.get(one.repo.id, [])))
    for stone in queries_past.buried(tx.session, tx.caller, answers, _BURIED):
        answers[stone.value].buried.append(stone)
    for answer in answers.values():
        # One file may be named twice by one hash, as SHA-256 and as its beginning.
        there = {(one.repo.id, one.sha256): one for one in reversed(answer.holdings)}
        answer.holdings = list(reversed(there.values()))
    return list(answers.values())


def _stripped(value: str) -> str:
    return value.strip().lower().removeprefix("sha256:").removeprefix("0x")


def note(
    tx: Tx, repo: Repository, before: str | None, commit: CommitInfo, files: Sequence[AdapterFile]
) -> None:
    """Remember the adapter files of a head, and of the commits since the head `before`.

    A push may bring many commits at once; what lay in one of them was published too.
    """
    if before not in {commit.oid, commit.parent}:
        for step in _between(tx, repo, before, commit):
            _put(tx, repo, step, _adapters_at(tx, repo, step.oid))
    _put(tx, repo, commit, files)


def _between(tx: Tx, repo: Repository, before: str | None, commit: CommitInfo) -> list[CommitInfo]:
    """Return the commits between two heads, oldest first."""
    found = []
    for step in history.list_commits(tx, repo, commit.oid, limit=_WALKED)[1:]:
        if step.oid == before:
            break
        found.append(step)
    return found[::-1]


def _adapters_at(tx: Tx, repo: Repository, commit: str) -> list[AdapterFile]:
    entries = trees.list_entries(tx, repo, commit, recursive=True)
    large = [entry for entry in entries if entry.large and entry.sha256]
    known = queries.summaries(tx.session, [entry.sha256 or "" for entry in large])
    return [
        AdapterFile(path=entry.path, sha256=entry.sha256, size=entry.size)
        for entry in large
        if entry.sha256 in known
    ]


def _put(tx: Tx, repo: Repository, commit: CommitInfo, files: Sequence[AdapterFile]) -> None:
    moment = min(max(commit.created_at, repo.created_at), max(tx.now, repo.created_at))
    rows = {
        file.sha256: {
            "sha256": file.sha256,
            "repo_id": repo.id,
            "path": file.path,
            "size": file.size,
            "revision": commit.oid,
            "published_at": moment,
        }
        for file in reversed(files)
    }
    queries_past.put_published(tx.session, list(rows.values()))


def _holding(held: Held, head: Sequence[AdapterFile]) -> Holding:
    file = held.file
    same = [one for one in head if one.sha256 == file.sha256]
    following = _following(file.path, head)
    state: State = "current" if same else "replaced" if following else "removed"
    now = same[0] if same else following
    return Holding(
        kind=held.kind,
        sha256=file.sha256,
        size=file.size,
        path=same[0].path if same else file.path,
        revision=file.revision,
        published_at=file.published_at,
        repo=held.repo,
        state=state,
        now=None if now is None else Now(now.path, now.sha256, now.size),
    )


def _following(path: str, head: Sequence[AdapterFile]) -> AdapterFile | None:
    """Return the file that took the place of the one that lay at `path`.

    It has the same path, or the same name but for the version in it, or is the only one there is.
    """
    for one in head:
        if one.path == path:
            return one
    alike = [one for one in head if _name(one.path) == _name(path)]
    for some in (alike, head):
        if len(some) == 1:
            return some[0]
    return None


def _name(path: str) -> str:
    """Return the name of a file without its ending and what counts its versions."""
    stem = path.rpartition("/")[2].rpartition(".")[0].casefold()
    return _EDITION.sub("", stem).strip("-_. ") or stem
