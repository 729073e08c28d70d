"""What was published once: it answers by hash when a newer file, or nothing, is in its place."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from lorahub_server.kit.db import Base, UtcDateTime


class PublishedFile(Base):
    """An adapter file that the default branch has or had, where it lay at first.

    No part of it refers to the blob: what a squash or a deletion took away is still known.
    """

    __tablename__ = "published_files"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    repo_id: Mapped[int] = mapped_column(
        ForeignKey("repositories.id"), primary_key=True, index=True
    )
    path: Mapped[str] = mapped_column(String(1024))
    size: Mapped[int] = mapped_column(BigInteger)
    # The first commit of the default branch that had it, and when that was.
    revision: Mapped[str] = mapped_column(String(40))
    published_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Tombstone(Base):
    """What a deleted repository was; written in the transaction that deletes it."""

    __tablename__ = "tombstones"

    repo_id: Mapped[int] = mapped_column(
        ForeignKey("repositories.id"), primary_key=True, autoincrement=False
    )
    title: Mapped[str] = mapped_column(String(200), default="")
    family: Mapped[str | None] = mapped_column(String(32))
    base_model: Mapped[str | None] = mapped_column(String(200))
    license: Mapped[str | None] = mapped_column(String(64))
    trigger_words: Mapped[list[str]] = mapped_column(JSON, default=list)
    # Adapter files of the last revision: path, size, sha256, hashes by their kinds.
    files: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(Text, default="")
    # The hub's administrators took it down; then nothing but its name and the reason is told.
    for_cause: Mapped[bool] = mapped_column(default=False)


class TombstoneHash(Base):
    """A name by which a tool still knows a file of a deleted repository."""

    __tablename__ = "tombstone_hashes"

    value: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    repo_id: Mapped[int] = mapped_column(
        ForeignKey("tombstones.repo_id", ondelete="CASCADE"), primary_key=True, index=True
    )
    path: Mapped[str] = mapped_column(String(1024))
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
