"""A repository, its card and a revision of it in one statement, as its pages need them."""

from dataclasses import dataclass

from lorahub_server.access import Tx
from lorahub_server.access.errors import RepoNotFound
from lorahub_server.kit.db import once
from lorahub_server.library import queries_search, reading, search
from lorahub_server.library.model import RepoCard
from lorahub_server.repos import refs, trees
from lorahub_server.repos.refs import OpenedPair, Place
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


def open_pair(
    tx: Tx, owner: str, name: str, revision: str, since: str | None, *, with_refs: bool = False
) -> OpenedPair:
    """Do what `refs.open_pair` does, and read the card with it."""
    beside = queries_search.card_beside(tx.caller)
    found = refs.open_pair(tx, owner, name, revision, since, beside, with_refs=with_refs)
    _keep_card(tx, found.repo, found.beside)
    return found


def open_repo(
    tx: Tx, owner: str, name: str, revision: str = refs.HEAD, *, with_text: bool = False
) -> Opened:
    """Do what `repos.service.get_repo` does, and read the card and the revision with it.

    `with_text`: what `text_of` returns is read too.
    """
    beside = queries_search.card_beside(tx.caller, with_text=with_text)
    found = refs.open_at(tx, owner, name, revision, beside)
    card = _keep_card(tx, found.repo, found.beside)
    if with_text and card.card_oid is not None:
        once(tx.session, _text_key(found.repo), lambda: found.beside.text or b"")
    return Opened(card, found)


def _keep_card(tx: Tx, repo: Repository, row: queries_search.CardRow) -> RepoCard:
    if row.repo_id is None:
        raise RepoNotFound
    return once(tx.session, _key(tx, repo), lambda: search.cards_from(tx, [row])[0])


def card_of(tx: Tx, repo: Repository) -> RepoCard:
    """Return the repository's card: without a statement if it was just opened."""
    return once(tx.session, _key(tx, repo), lambda: _read(tx, repo))


def text_of(tx: Tx, repo: Repository) -> bytes:
    """Return README.md of the default branch; empty when there is none."""
    return once(tx.session, _text_key(repo), lambda: _read_text(tx, repo))


def _read_text(tx: Tx, repo: Repository) -> bytes:
    card = card_of(tx, repo)
    if card.card_oid is None:
        return reading.card_bytes(tx, repo, card.revision)
    return trees.read_by_id(tx, repo, card.card_oid) if card.card_oid else b""


def _read(tx: Tx, repo: Repository) -> RepoCard:
    found = search.cards_of(tx, [repo.id])
    if not found:
        raise RepoNotFound
    return found[0]


def _key(tx: Tx, repo: Repository) -> tuple[str, int | None, int]:
    # A card tells what this caller starred and may open.
    return "card", tx.caller.account_id, repo.id


def _text_key(repo: Repository) -> tuple[str, int]:
    return "card text", repo.id
