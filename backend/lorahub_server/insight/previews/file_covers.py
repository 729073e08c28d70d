"""Small copies of the pictures in repositories' files that stand for them in lists.

A commit that changes such a file owes them (`jobs.owe_cover`); a worker makes them. Who may see the
file may see its copies: `of_repo` is for those, and for that repository's own file alone.
"""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from lorahub_server.access import Tx, require_files
from lorahub_server.blobs import service as blobs
from lorahub_server.insight.previews import jobs, queries_pictures, rendering
from lorahub_server.insight.previews.errors import PictureNotFound
from lorahub_server.insight.previews.limits import PICTURE_MAX
from lorahub_server.insight.previews.model import PictureFacts
from lorahub_server.library import reading
from lorahub_server.library.queries import entry_of, lock_entry
from lorahub_server.library.tables import LibraryEntry
from lorahub_server.repos import trees
from lorahub_server.repos.tables import Repository


@dataclass(frozen=True, slots=True)
class CoverFile:
    """`oid` is git's id of the file. `content` are a small one's bytes, `sha256` a large one's."""

    oid: str
    content: bytes | None
    sha256: str | None


def note(session: Session, entry: LibraryEntry, file: trees.Entry | None) -> None:
    """Owe copies if another file stands for the repository now. The caller holds the entry."""
    oid = file.oid if file is not None else None
    if oid == entry.cover_oid:
        return
    entry.cover_oid = oid
    entry.cover_size = file.size if file is not None else None
    entry.cover_picture = None
    if file is not None and file.size <= PICTURE_MAX:
        jobs.owe_cover(session, entry.repo_id)


def owe_missing(session: Session, entry: LibraryEntry) -> None:
    """Owe copies that were never made, of what hubs before this one took in too."""
    if entry.cover_oid is not None and entry.cover_picture is None:
        jobs.owe_cover(session, entry.repo_id)


def wanted(session: Session, repo_id: int) -> CoverFile | None:
    """Return the file that copies should be made of; None: there is nothing to do."""
    entry = entry_of(session, repo_id)
    repo = session.get(Repository, repo_id)
    if entry is None or repo is None or not entry.cover or not entry.revision:
        return None
    tx = reading.rows_only(session)
    file = trees.find_file(tx, repo, entry.revision, entry.cover)
    if file is None or file.size > PICTURE_MAX:
        return None
    content = None if file.large else trees.read_file(tx, repo, file)
    return CoverFile(file.oid, content, file.sha256)


def record(session: Session, repo_id: int, oid: str, sha256: str) -> None:
    """Let lists show the copies, unless another file stands for the repository by now."""
    entry = lock_entry(session, repo_id)
    if entry is not None and entry.cover_oid == oid:
        entry.cover_picture = sha256
        session.flush()


def of_repo(tx: Tx, repo: Repository, sha256: str) -> PictureFacts:
    """Return what is known of the repository's cover. Raises PictureNotFound, and NotAllowed to
    those whom the repository's files are closed to.
    """
    require_files(tx, repo)
    is_one = blobs.is_sha256(sha256)
    found = queries_pictures.cover_of(tx.session, repo.id, sha256) if is_one else None
    if found is None:
        raise PictureNotFound
    return rendering.picture_facts(found)
