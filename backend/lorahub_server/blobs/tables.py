from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from lorahub_server.blobs.xet.tables import XetSpace, XetXorb
from lorahub_server.kit.db import Base, UtcDateTime

# Whoever loads the subject's tables has all of them.
__all__ = ["Blob", "BlobRef", "Upload", "UploadPart", "XetSpace", "XetXorb"]


class Blob(Base):
    """Verified bytes in the store, named by their SHA-256, stored once for all repositories."""

    __tablename__ = "blobs"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    # What the header told at verification (adapters.Summary.to_dict); NULL: not an adapter file.
    summary: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # When something last began or ceased to need it; collection waits from then on.
    touched_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class BlobRef(Base):
    """A repository some commit of which has the blob: what lets its readers read the bytes."""

    __tablename__ = "blob_refs"

    repo_id: Mapped[int] = mapped_column(ForeignKey("repositories.id"), primary_key=True)
    sha256: Mapped[str] = mapped_column(ForeignKey("blobs.sha256"), primary_key=True, index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Upload(Base):
    """Bytes on their way in: `open` while they arrive, `done` once they are a blob.

    A done upload is its account's right to commit the blob. A `refused` one has no bytes left and
    remembers why, for a client that missed the answer.
    """

    __tablename__ = "uploads"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    # The file's name as the client said it: decides what is expected inside.
    name: Mapped[str] = mapped_column(String(255))
    # What the client announced; NULL when it doesn't know.
    size: Mapped[int | None] = mapped_column(BigInteger)
    # How many bytes are taken at most: the size, or what the hub takes of an unknown length.
    most: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str | None] = mapped_column(String(64))
    received: Mapped[int] = mapped_column(BigInteger, default=0)
    state: Mapped[str] = mapped_column(String(8), default="open")
    # Set once the bytes are verified, a moment before they are moved and the upload is done.
    blob_sha256: Mapped[str | None] = mapped_column(ForeignKey("blobs.sha256"), index=True)
    # Why it was refused: code, message, place.
    error: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    touched_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class UploadPart(Base):
    """A piece that lies in the store; together, in order, they are what was received."""

    __tablename__ = "upload_parts"

    upload_id: Mapped[str] = mapped_column(
        ForeignKey("uploads.id", ondelete="CASCADE"), primary_key=True
    )
    offset: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    size: Mapped[int] = mapped_column(BigInteger)
    key: Mapped[str] = mapped_column(String(200))
