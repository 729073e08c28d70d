"""Who may use which blob. Knowing a hash grants nothing."""

import re
from collections.abc import Collection

from lorahub_server.access import Tx
from lorahub_server.blobs import queries
from lorahub_server.blobs.jobs import schedule_collect
from lorahub_server.blobs.tables import Blob

_SHA256 = re.compile(r"[0-9a-f]{64}")


def may_use(tx: Tx, sha256: str) -> Blob | None:
    """Return the blob if the caller uploaded it or may have it from some repository, else None."""
    return may_use_all(tx, [sha256]).get(sha256)


def may_use_all(tx: Tx, shas: Collection[str]) -> dict[str, Blob]:
    """Do what `may_use` does for many; what is missing in the answer may not be used."""
    return queries.usable(tx.session, tx.caller, hashes(shas))


def hashes(texts: Collection[str]) -> list[str]:
    """Return those of the texts that are SHA-256s."""
    return [text for text in texts if is_sha256(text)]


def is_sha256(text: str) -> bool:
    return _SHA256.fullmatch(text) is not None


def stored_bytes(tx: Tx, repo_ids: Collection[int]) -> dict[int, int]:
    """Return the size of all large files that any revision of each repository has."""
    return dict.fromkeys(repo_ids, 0) | queries.bytes_of_repos(tx.session, repo_ids)


def keep_all(tx: Tx, shas: Collection[str]) -> set[str]:
    """Hold off collection of these blobs till the transaction ends; return those that exist."""
    return queries.keep(tx.session, shas) if shas else set()


def add_refs(tx: Tx, repo_id: int, shas: Collection[str]) -> None:
    """Note that the repository's readers may read these blobs."""
    queries.add_refs(tx.session, repo_id, shas, tx.now)


def drop_refs(tx: Tx, repo_id: int) -> None:
    """Forget what the repository refers to; collection may take what nobody else needs."""
    queries.touch_of_repo(tx.session, repo_id, tx.now)
    queries.delete_refs(tx.session, repo_id)
    schedule_collect(tx.session, tx.now)
