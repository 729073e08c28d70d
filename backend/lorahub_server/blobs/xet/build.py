"""From chunks to files: each takes the way of every upload, so the hub computes its SHA-256.

What is built is an upload of the account that is done: its right to commit those bytes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from lorahub_server.access import Caller, Tx
from lorahub_server.blobs import queries as blob_queries
from lorahub_server.blobs import service, uploads
from lorahub_server.blobs.errors import BadFile, HashMismatch, StagingFull, UploadNotFound
from lorahub_server.blobs.queries import lock_account
from lorahub_server.blobs.xet import queries
from lorahub_server.blobs.xet.errors import ChunksMissing, SpaceGone
from lorahub_server.blobs.xet.shard import ShardFile
from lorahub_server.blobs.xet.shelf import Shelf
from lorahub_server.blobs.xet.spaces import Sender
from lorahub_server.config import Settings
from lorahub_server.kit.clock import now
from lorahub_server.kit.db import Database
from lorahub_server.storage import ObjectStore

# Shards tell no names; the commit checks whether the content fits the one it gets.
_NAME = "file"

# Called often, with how many files are done; what it raises ends the work.
Report = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds files of what one sender has sent."""

    db: Database
    store: ObjectStore
    settings: Settings
    sender: Sender

    def build(self, files: Sequence[ShardFile], report: Report) -> bool:
        """Build all files; False when there was nothing to do. Raises at the first bad one."""
        shelf, built = Shelf(self.db, self.store, self.sender.space_id), False
        try:
            for number, file in enumerate(files):
                report(number)
                if not self._is_known(file):
                    shelf.check(file)
                    self._fill(file, _reported(shelf.read(file), number, report))
                    built = True
        except ChunksMissing:
            self._close_space()
            raise
        return built

    def _is_known(self, file: ShardFile) -> bool:
        """Tell whether the account may use the file already, and make its right to it anew."""
        with self.db.write() as session:
            tx = self._tx(session)
            if file.sha256 is None or service.may_use(tx, file.sha256) is None:
                return False
            upload = uploads.open_upload(tx, size=file.size, name=_NAME, sha256=file.sha256)
            return upload.state == "done"

    def _fill(self, file: ShardFile, pieces: Iterator[bytes]) -> None:
        caller, done = self._caller, False
        upload_id = self._open(file.size)
        try:
            uploads.append(self.db, self.store, caller, upload_id, 0, pieces)
            self._announce(upload_id, file)
            uploads.complete(self.db, self.store, caller, upload_id)
            done = True
        except (BadFile, HashMismatch) as error:
            raise _naming(file, error) from error
        finally:
            if not done:
                self._cancel(upload_id, file.size)

    def _open(self, size: int) -> str:
        with self.db.write() as session:
            self._count(session, size)
            # Without the hash: a client that sends the same file in another way, and may go on
            # with what is there, must not meet this upload.
            return uploads.open_upload(self._tx(session), size=size, name=_NAME).id

    def _announce(self, upload_id: str, file: ShardFile) -> None:
        with self.db.write() as session:
            upload = blob_queries.lock_upload(session, upload_id)
            if upload is None:
                raise UploadNotFound
            upload.sha256 = file.sha256

    def _cancel(self, upload_id: str, size: int) -> None:
        with self.db.write() as session:
            space = queries.lock_space(session, self.sender.space_id)
            if space is not None:
                space.built -= size
            if blob_queries.lock_upload(session, upload_id) is not None:
                uploads.cancel_upload(self._tx(session), upload_id)

    def _count(self, session: Session, size: int) -> None:
        """Bound what an account gets out of naming the same chunks again and again."""
        account_id, most = self._caller.account_id, self.settings.max_staged_bytes
        assert account_id is not None
        lock_account(session, account_id)
        space = queries.lock_space(session, self.sender.space_id)
        if space is None:
            raise SpaceGone
        gained = queries.gained_bytes(session, account_id)
        if gained + size > most:
            raise StagingFull(
                "Your uploads of the last days repeat the same content too often. Wait a few "
                "days, or upload without Xet (HF_HUB_DISABLE_XET=1).",
                limit=most,
                used=max(gained, 0),
            )
        space.built += size
        space.touched_at = now()

    def _close_space(self) -> None:
        """Let the next upload begin with another space, for which the client sends everything."""
        with self.db.write() as session:
            space = queries.lock_space(session, self.sender.space_id)
            if space is not None:
                space.closed = True

    @property
    def _caller(self) -> Caller:
        return self.sender.caller

    def _tx(self, session: Session) -> Tx:
        return Tx(
            session=session,
            caller=self._caller,
            store=self.store,
            settings=self.settings,
            now=now(),
            request_id="xet",
        )


def _reported(pieces: Iterator[bytes], number: int, report: Report) -> Iterator[bytes]:
    for piece in pieces:
        report(number)
        yield piece


def _naming(file: ShardFile, error: BadFile | HashMismatch) -> BadFile:
    told = f" with the SHA-256 {file.sha256}" if file.sha256 else ""
    message = f"The file of {file.size} bytes{told} was refused. {error.message}"
    return BadFile(error.code, message, error.place)
