"""A repository, its card and a revision of it in one statement, as its pages need them."""

from dataclasses import dataclass

from lorahub_server.access import Tx
from lorahub_server.access.errors import RepoNotFound
from lorahub_server.kit.db import once
from lorahub_server.library import queries_search, search
from lorahub_server.library.model import RepoCard
from lorahub_server.repos import refs
from lorahub_server.repos.refs import Place
from lorahub_server.repos.tables import Repository


@dataclass(frozen=True, slots=True)
class Opened:
    """A repository that the caller may read."""

    card: RepoCard
    _found: refs.Opened

    @property
    def repo(self) -> Repository:
        return self._found.repo

    @property
    def place(self) -> Place:
        """Where the revision is. Raises RevisionNotFound."""
        return self._found.place


def open_repo(tx: Tx, owner: str, name: str, revision: str = refs.HEAD) -> Opened:
    """Do what `repos.service.get_repo` does, and read the card and the revision with it."""
    found = refs.open_at(tx, owner, name, revision, queries_search.card_beside(tx.caller))
    if found.beside.repo_id is None:
        raise RepoNotFound
    (card,) = search.cards_from(tx, [found.beside])
    return Opened(once(tx.session, _key(tx, found.repo), lambda: card), found)


def card_of(tx: Tx, repo: Repository) -> RepoCard:
    """Return the repository's card: without a statement if it was just opened."""
    return once(tx.session, _key(tx, repo), lambda: _read(tx, repo))


def _read(tx: Tx, repo: Repository) -> RepoCard:
    found = search.cards_of(tx, [repo.id])
    if not found:
        raise RepoNotFound
    return found[0]


def _key(tx: Tx, repo: Repository) -> tuple[str, int | None, int]:
    # A card tells what this caller starred and may open.
    return "card", tx.caller.account_id, repo.id
