"""What lists and searches walk, kept with the library's entry and in the same transaction.

Callers hold the lock of the entry.
"""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from lorahub.adapters.families import names as families
from lorahub_server.library import derive, keys, queries, queries_keys, queries_text, words
from lorahub_server.library.card import Card
from lorahub_server.library.model import AdapterDetails
from lorahub_server.library.queries_text import Texts
from lorahub_server.library.tables import LibraryEntry
from lorahub_server.repos.tables import Repository

# Characters of a card that are read for its words.
_BODY_MAX = 100_000


def put(
    session: Session,
    repo: Repository,
    entry: LibraryEntry,
    card: Card,
    adapters: Sequence[AdapterDetails],
) -> None:
    """List a repository by all that is known of it, and let its words be found."""
    put_keys(session, repo, entry)
    texts = _texts(repo, entry, card, adapters)
    queries_text.put(session, repo.id, texts, entry.downloads)
    if not repo.private:
        # What is private is not hinted at.
        queries_text.learn(session, texts)


def put_keys(session: Session, repo: Repository, entry: LibraryEntry) -> None:
    """List a repository by its entry's columns."""
    scope = repo.owner_id if repo.private else 0
    wanted = keys.of_entry(entry, entry.tags)
    queries_keys.put(session, repo.id, scope, wanted, keys.orders(entry))


def renew(session: Session, repo_id: int) -> None:
    """Let a repository be found by what changed in its entry without a commit."""
    session.flush()
    repo, entry = session.get(Repository, repo_id), queries.entry_of(session, repo_id)
    texts = queries_text.texts_of(session, repo_id)
    if repo is not None and entry is not None and texts is not None:
        put_keys(session, repo, entry)
        known = replace(texts, facts=_facts(entry))
        queries_text.put(session, repo.id, known, entry.downloads)


def count(session: Session, entry: LibraryEntry) -> None:
    """Let lists be in the order of an entry's counters, as they are now."""
    queries_keys.reorder(session, entry.repo_id, keys.counters(entry))
    queries_text.move(session, entry.repo_id, entry.downloads)


def show(session: Session, repo: Repository) -> None:
    """Let those find a repository who may see it, now that it was hidden or shown."""
    entry = queries.lock_entry(session, repo.id)
    if entry is not None:
        put_keys(session, repo, entry)
        texts = queries_text.texts_of(session, repo.id)
        if texts is not None and not repo.private:
            queries_text.learn(session, texts)


def remove(session: Session, repo_id: int) -> None:
    queries_keys.remove(session, repo_id)
    queries_text.remove(session, repo_id)


def _texts(
    repo: Repository, entry: LibraryEntry, card: Card, adapters: Sequence[AdapterDetails]
) -> Texts:
    named = [
        *entry.tags,
        *entry.trigger_words,
        *derive.base_models(card, adapters),
        card.pipeline_tag or "",
        card.library_name or "",
        *(item.name for item in adapters[:50]),
    ]
    return Texts(
        names=words.joined([repo.name, entry.title, repo.owner.name]),
        words=words.joined(named),
        facts=_facts(entry),
        body=words.joined([entry.summary, card.body[:_BODY_MAX]]),
    )


def _facts(entry: LibraryEntry) -> str:
    family = entry.family or ""
    return words.joined([family, families.label(family), entry.method or ""])
