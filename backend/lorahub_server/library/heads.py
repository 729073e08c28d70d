"""A repository as clients of other hubs see it: kept for the head, read for other revisions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lorahub_server.access import Tx, require_read
from lorahub_server.kit.kept import Kept
from lorahub_server.library import derive, queries_heads, reading, trending, vocabulary
from lorahub_server.library.model import AdapterDetails, RepoCard
from lorahub_server.library.reading import Contents
from lorahub_server.library.tables import RepoHead
from lorahub_server.library.vocabulary import Head
from lorahub_server.repos.refs import Place
from lorahub_server.repos.tables import Repository

# Files of all other revisions that are kept in the process, together.
_KEPT_FILES = 50_000


@dataclass(frozen=True, slots=True)
class File:
    """`sha256` is there for a large file only."""

    path: str
    size: int
    oid: str
    sha256: str | None


@dataclass(frozen=True, slots=True)
class RepoFacts:
    """`revision` None: the repository has no commit. `files` is empty unless asked for.

    `stored`, the bytes of all large files that any revision has, is None unless asked for.
    """

    id: int
    owner: str
    name: str
    private: bool
    gated: str | None
    revision: str | None
    head: Head
    files: Sequence[File]
    stars: int
    downloads: int
    trending: int
    health: str
    created_at: datetime
    updated_at: datetime
    stored: int | None = None

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"


def put(
    tx: Tx,
    repo: Repository,
    revision: str | None,
    contents: Contents,
    adapters: Sequence[AdapterDetails],
) -> None:
    """Keep what the head of the default branch is now."""
    head = vocabulary.describe(contents.card, contents.files, adapters, contents.paths)
    files = [[f.path, f.size, f.oid, f.sha256] for f in _files(contents)]
    queries_heads.put_head(tx.session, repo.id, revision, head.to_dict(), files)
    queries_heads.replace_terms(tx.session, repo.id, vocabulary.folded(head.terms))


def facts(
    tx: Tx,
    repo: Repository,
    place: Place | None = None,
    *,
    with_files: bool = True,
    with_storage: bool = False,
) -> RepoFacts:
    """Return the facts of a place, of the head if None.

    The head, and what was asked for before, takes one statement.
    """
    require_read(tx.caller, repo)
    entry, kept, stored = queries_heads.entry_and_head(
        tx.session, repo.id, with_files=with_files, with_storage=with_storage
    )
    commit = entry.revision if place is None else place.commit
    # One that an earlier version of the hub wrote has no row yet.
    if kept is not None and kept.revision == commit:
        head = Head(**kept.facts)
        files = _kept_files(kept) if with_files else []
    else:
        head, files = (Head(), []) if commit is None else _other(tx, repo, commit)
    return RepoFacts(
        id=repo.id,
        owner=repo.owner.name,
        name=repo.name,
        private=repo.private,
        gated=repo.gated,
        revision=commit,
        head=head,
        files=files,
        stars=entry.stars,
        downloads=entry.downloads,
        trending=trending.score(entry.trending, tx.now),
        health=entry.health,
        created_at=entry.published_at or repo.created_at,
        updated_at=entry.updated_at,
        stored=stored,
    )


def of_cards(tx: Tx, cards: Sequence[RepoCard], *, with_files: bool = False) -> list[RepoFacts]:
    """Return the facts of the heads of repositories that the caller was shown in a list."""
    ids = [card.id for card in cards]
    found = queries_heads.heads(tx.session, ids, with_files=with_files)
    return [
        RepoFacts(
            id=card.id,
            owner=card.owner,
            name=card.name,
            private=card.private,
            gated=card.gated,
            revision=card.revision,
            head=Head(**found[card.id].facts) if card.id in found else Head(),
            files=_kept_files(found.get(card.id)) if with_files else [],
            stars=card.stars,
            downloads=card.downloads,
            trending=trending.score(card.trending, tx.now),
            health=card.health,
            created_at=card.published_at or card.created_at,
            updated_at=card.updated_at,
        )
        for card in cards
    ]


def _kept_files(kept: RepoHead | None) -> list[File]:
    return [] if kept is None else [File(*file) for file in kept.files]


def _files(contents: Contents) -> list[File]:
    return [
        File(entry.path, entry.size, entry.oid, entry.sha256 if entry.large else None)
        for entry in contents.entries
    ]


# What a commit holds never changes.
_kept: Kept[tuple[int, str], tuple[Head, list[File]]] = Kept(
    _KEPT_FILES, lambda found: len(found[1]) + 1
)


def _other(tx: Tx, repo: Repository, commit: str) -> tuple[Head, list[File]]:
    found = _kept.get((repo.id, commit))
    if found is None:
        contents = reading.read(tx, repo, commit)
        declared = derive.declared_family(contents.card)
        adapters = derive.order(
            AdapterDetails(
                path=file.path,
                sha256=file.sha256,
                size=file.size,
                summary=derive.facts(
                    contents.headers.get(file.sha256), None, file.config, declared
                ),
                config=file.config,
            )
            for file in contents.files
        )
        head = vocabulary.describe(contents.card, contents.files, adapters, contents.paths)
        found = head, _files(contents)
        _kept.put((repo.id, commit), found)
    return found


def clear() -> None:
    """Forget other revisions, as a new process knows none."""
    _kept.clear()
