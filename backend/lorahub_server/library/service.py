"""The library's rows: derived at each commit, shown on pages and by the API."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from lorahub_server.access import Tx, can_write, require_read
from lorahub_server.insight import queries as inspections
from lorahub_server.insight import states
from lorahub_server.insight.tables import Inspection
from lorahub_server.library import (
    compared,
    conflict,
    derive,
    heads,
    indexing,
    notices,
    opening,
    past,
    queries,
    queries_keys,
    queries_text,
    reading,
    trending,
)
from lorahub_server.library.card import Card, parse
from lorahub_server.library.model import AdapterDetails, RepoDetails, Snapshot
from lorahub_server.library.tables import AdapterFile, LibraryEntry
from lorahub_server.repos import history, refs
from lorahub_server.repos.tables import Repository


def refresh(tx: Tx, repo: Repository) -> None:
    """Derive the repository's rows from the head of its default branch, in the same transaction.

    Also makes the row of a new, empty repository. Counters stay.
    """
    entry = queries.insert_entry(tx.session, repo.id, repo.updated_at)
    head = refs.head(tx, repo)
    contents = reading.read(tx, repo, head)
    queries.replace_files(tx.session, repo.id, contents.files)
    queries.replace_tags(tx.session, repo.id, contents.card.tags)
    declared = derive.declared_family(contents.card)
    adapters = _known(tx.session, contents.files, contents.headers, declared)
    _set(entry, derive.from_card(contents.card, repo.name, adapters, contents.paths))
    _set(entry, derive.from_adapters(adapters))
    commit = history.get_commit(tx, repo, head) if head else None
    if commit is not None:
        past.note(tx, repo, entry.revision, commit, contents.files)
    entry.revision = head
    entry.card_oid = contents.card_oid
    entry.published_at = _within(queries.first_commit_at(tx.session, repo.id), repo, tx.now)
    changed_at = commit.created_at if commit else None
    entry.updated_at = _within(changed_at, repo, tx.now) or repo.created_at
    _count_publication(entry)
    _note_cover(tx.session, entry, contents)
    heads.put(tx, repo, head, contents, adapters)
    entry.fold_key = _fold_key(tx.session, adapters)
    entry.maturity = queries.maturity_of(tx.session, repo.id)
    bases = derive.base_models(contents.card, adapters)
    compared.put(tx.session, repo.id, contents.results, bases)
    _note_previews(tx.session, entry)
    tx.session.flush()
    indexing.put(tx.session, repo, entry, contents.card, adapters)


def refresh_for_blob(session: Session, sha256: str) -> None:
    """Let the rows of repositories that have this adapter file show what is now known of it."""
    for repo_id in queries.repos_with_blob(session, sha256):
        entry = queries.lock_entry(session, repo_id)
        if entry is None:
            continue
        files = queries.files_of(session, repo_id)
        headers = queries.summaries(session, [file.sha256 for file in files])
        adapters = _known(session, files, headers, entry.family_declared)
        if _set(entry, derive.from_adapters(adapters)):
            indexing.renew(session, repo_id)
        _note_previews(session, entry)
    session.flush()


def refold(session: Session, shas: Collection[str]) -> None:
    """Let lists fold what is nearly the same, as it is known now of these adapter files."""
    for repo_id in sorted({one for sha in shas for one in queries.repos_with_blob(session, sha)}):
        entry = queries.lock_entry(session, repo_id)
        files = queries.files_of(session, repo_id)
        if entry is not None and files:
            first = min(files, key=derive.place)
            _set(entry, {"fold_key": queries.fold_key(session, first.sha256)})
    session.flush()


def rebuild_all(session: Session) -> None:
    """Derive every row again. Only downloads and liveliness, which nothing else records, stay."""
    from lorahub_server.insight.previews import file_covers, jobs

    tx = reading.rows_only(session)
    for repo_id in queries.entries_of_deleted(session):
        indexing.remove(session, repo_id)
    queries.delete_rows_of_deleted(session)
    queries_text.clear(session)
    for repo in queries.living_repos(session):
        refresh(tx, repo)
        entry = queries.lock_entry(session, repo.id)
        assert entry is not None
        # Under the lock of the entry, which whoever stars holds too.
        entry.stars = queries.count_stars(session, repo.id)
        file_covers.owe_missing(session, entry)
        session.flush()
        indexing.count(session, entry)
    queries_keys.recount(session)
    jobs.owe_missing_copies(session)


def is_unlisted(session: Session) -> bool:
    """Tell whether an older hub wrote the library, so that lists can't show it."""
    return queries.is_unlisted(session)


def remove(tx: Tx, repo: Repository) -> None:
    """Take a deleted repository out of the library, with its stars."""
    indexing.remove(tx.session, repo.id)
    queries.delete_all(tx.session, repo.id)


def show(tx: Tx, repo: Repository) -> None:
    """Let the right people find a repository that was hidden or shown."""
    indexing.show(tx.session, repo)


def details(tx: Tx, repo: Repository) -> RepoDetails:
    """Return everything that the repository's page shows."""
    require_read(tx.caller, repo)
    adapters = adapters_of(tx, repo)
    card = opening.card_of(tx, repo)
    card.health = derive.health_of(adapters)
    text = opening.text_of(tx, repo)
    parsed = parse(text)
    clash = conflict.find(parsed.base_models, adapters)
    may_mend = can_write(tx.caller, repo)
    told = notices.find(parsed, card, adapters, clash, may_mend=may_mend)
    return RepoDetails(card, adapters, clash, told, parsed, bool(text))


def adapters_of(tx: Tx, repo: Repository) -> list[AdapterDetails]:
    """Return the adapter files of the default branch, the one that stands for all first."""
    require_read(tx.caller, repo)
    found = queries.known_files(tx.session, repo.id)
    headers = {one.file.sha256: one.header for one in found if one.header is not None}
    known = states.Known(
        {one.file.sha256: one.inspection for one in found if one.inspection is not None},
        {one.file.sha256: one.hashes for one in found if one.hashes},
        {one.file.sha256: one.job for one in found if one.job is not None},
    )
    files = [one.file for one in found]
    card = opening.card_of(tx, repo)
    adapters = _standing(tx.session, files, headers, card.family_declared, known)
    # What jobs are doing now, which the library's own row does not know.
    card.health = derive.health_of(adapters)
    return adapters


def at_revision(tx: Tx, repo: Repository, commit_oid: str) -> Snapshot:
    """Return the card, adapter files and trigger words of any revision."""
    require_read(tx.caller, repo)
    contents = reading.read(tx, repo, commit_oid)
    declared = derive.declared_family(contents.card)
    adapters = _standing(tx.session, contents.files, contents.headers, declared)
    return Snapshot(contents.card, adapters, derive.trigger_words(contents.card, adapters))


def adapters_at(tx: Tx, repo: Repository, commit_oid: str) -> list[AdapterDetails]:
    """Return the adapter files of any revision, the one that stands for all first."""
    return at_revision(tx, repo, commit_oid).adapters


def adapter_shas(tx: Tx, repo: Repository) -> list[str]:
    """Return the SHA-256 of the adapter files of the default branch."""
    require_read(tx.caller, repo)
    return [file.sha256 for file in queries.files_of(tx.session, repo.id)]


def card_of(tx: Tx, repo: Repository, commit_oid: str | None) -> Card:
    """Return the card of a revision; one that is empty when there is none."""
    require_read(tx.caller, repo)
    return reading.read_card(tx, repo, commit_oid)


def card_bytes_of(tx: Tx, repo: Repository, commit_oid: str | None) -> bytes:
    """Return README.md of a revision as it is; empty when there is none."""
    require_read(tx.caller, repo)
    return reading.card_bytes(tx, repo, commit_oid)


def _known(
    session: Session,
    files: Sequence[AdapterFile],
    headers: Mapping[str, dict[str, Any]],
    declared: str | None,
) -> list[AdapterDetails]:
    """Return the files with what is recorded of them, whatever jobs are doing now."""
    found = inspections.inspections(session, [file.sha256 for file in files])
    return derive.order(
        _adapter(file, headers, found.get(file.sha256), declared, _state(found.get(file.sha256)))
        for file in files
    )


def _standing(
    session: Session,
    files: Sequence[AdapterFile],
    headers: Mapping[str, dict[str, Any]],
    declared: str | None,
    known: states.Known | None = None,
) -> list[AdapterDetails]:
    """Return the files with what is known and what is being done about them."""
    found = states.standings(session, [file.sha256 for file in files], known)
    adapters = []
    for file in files:
        standing = found[file.sha256]
        item = _adapter(file, headers, standing.inspection, declared, standing.state)
        item.hashes, item.progress, item.error = standing.hashes, standing.progress, standing.error
        adapters.append(item)
    return derive.order(adapters)


def _adapter(
    file: AdapterFile,
    headers: Mapping[str, dict[str, Any]],
    inspection: Inspection | None,
    declared: str | None,
    state: states.FileState,
) -> AdapterDetails:
    inspected = inspection.summary if inspection is not None else None
    return AdapterDetails(
        path=file.path,
        sha256=file.sha256,
        size=file.size,
        summary=derive.facts(headers.get(file.sha256), inspected, file.config, declared),
        state=state,
        health=inspection.health if inspection is not None else None,
        config=file.config,
    )


def _state(inspection: Inspection | None) -> states.FileState:
    if inspection is None:
        return "waiting"
    return "done" if inspection.state == "done" else "failed"


def _fold_key(session: Session, adapters: Sequence[AdapterDetails]) -> str | None:
    return queries.fold_key(session, adapters[0].sha256) if adapters else None


def _set(entry: LibraryEntry, values: Mapping[str, Any]) -> bool:
    """Let the entry have these values; tell whether any is another one than before."""
    news = {name: value for name, value in values.items() if getattr(entry, name) != value}
    for name, value in news.items():
        setattr(entry, name, value)
    return bool(news)


def _note_previews(session: Session, entry: LibraryEntry) -> None:
    # They show what is in the library, so the library only knows them when it has news.
    from lorahub_server.insight.previews import jobs

    jobs.note_change(session, entry, entry.family)


def _note_cover(session: Session, entry: LibraryEntry, contents: reading.Contents) -> None:
    from lorahub_server.insight.previews import file_covers

    found = (one for one in contents.entries if entry.cover and one.path == entry.cover)
    file_covers.note(session, entry, next(found, None))


def _within(moment: datetime | None, repo: Repository, latest: datetime) -> datetime | None:
    """Return the moment of a commit, which its author wrote, as far as it can be true."""
    if moment is None:
        return None
    return min(max(moment, repo.created_at), max(latest, repo.created_at))


def _count_publication(entry: LibraryEntry) -> None:
    if entry.published_at is not None and not entry.trending:
        entry.trending = trending.level(trending.PUBLISHED, entry.published_at)
