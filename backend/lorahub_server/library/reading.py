"""What a revision holds that the library is interested in: the card, adapter files, pictures."""

from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy.orm import Session

from lorahub_server.access import Tx, anonymous
from lorahub_server.config import Settings
from lorahub_server.kit.clock import now
from lorahub_server.library import card as cards
from lorahub_server.library import evaluations, overlay, queries
from lorahub_server.library.tables import AdapterFile
from lorahub_server.repos import trees
from lorahub_server.repos.tables import Repository
from lorahub_server.storage import ObjectStore

# More adapter files than this in one repository are files like any other.
MAX_ADAPTERS = 2000


@dataclass(slots=True)
class Contents:
    card: cards.Card = field(default_factory=cards.Card)
    # Git's id of the card's file, "" if there is none that could be read.
    card_oid: str = ""
    files: list[AdapterFile] = field(default_factory=list)
    # The headers' facts by SHA-256.
    headers: dict[str, dict[str, Any]] = field(default_factory=dict)
    entries: list[trees.Entry] = field(default_factory=list)
    results: list[evaluations.Result] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        return [entry.path for entry in self.entries]


def rows_only(session: Session) -> Tx:
    """Return a transaction for reading git objects, which are rows: it has no store to read."""
    return Tx(
        session=session,
        caller=anonymous(),
        store=cast("ObjectStore", None),
        settings=cast("Settings", None),
        now=now(),
        request_id="",
    )


def read(tx: Tx, repo: Repository, commit_oid: str | None) -> Contents:
    """Read what a revision holds; an empty repository holds nothing."""
    if commit_oid is None:
        return Contents()
    entries = trees.list_entries(tx, repo, commit_oid, recursive=True)
    small = {entry.path: entry for entry in entries if not entry.large}
    headers = queries.summaries(tx.session, [e.sha256 for e in entries if e.large and e.sha256])
    adapters = [entry for entry in entries if entry.sha256 in headers][:MAX_ADAPTERS]
    wanted = {_config_path(entry.path) for entry in adapters} | {cards.NAME}
    measured = [path for path in small if evaluations.is_file(path)][: evaluations.MAX_FILES]
    wanted |= set(measured)
    readable = [small[path] for path in wanted & set(small) if small[path].size <= cards.MAX_BYTES]
    texts = trees.read_files(tx, repo, readable)
    files = [
        AdapterFile(
            repo_id=repo.id,
            path=entry.path,
            sha256=entry.sha256,
            size=entry.size,
            config=overlay.read_config(texts.get(_config_path(entry.path), b"")),
        )
        for entry in adapters
    ]
    card = cards.parse(texts.get(cards.NAME, b""))
    card_oid = small[cards.NAME].oid if cards.NAME in texts else ""
    results = evaluations.read(card, [texts[path] for path in measured if path in texts])
    return Contents(card, card_oid, files, headers, entries, results)


def read_card(tx: Tx, repo: Repository, commit_oid: str | None) -> cards.Card:
    """Return a revision's card; one that is empty when there is none."""
    return cards.parse(card_bytes(tx, repo, commit_oid))


def card_bytes(tx: Tx, repo: Repository, commit_oid: str | None) -> bytes:
    if commit_oid is None:
        return b""
    return trees.read_small(tx, repo, commit_oid, cards.NAME, cards.MAX_BYTES) or b""


def _config_path(path: str) -> str:
    folder, slash, _ = path.rpartition("/")
    return f"{folder}{slash}{overlay.CONFIG_NAME}"
