from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lorahub_server.accounts.tables import Account
from lorahub_server.kit.db import Base, Id, UtcDateTime
from lorahub_server.repos.tables import OID_LENGTH, REF_LENGTH


class Thread(Base):
    """A discussion or a pull request. The commits of number N are at `refs/pr/N`."""

    __tablename__ = "threads"
    __table_args__ = (
        UniqueConstraint("repo_id", "num"),
        Index(None, "repo_id", "is_pull", "status", "num"),
        Index(None, "author_id", "created_at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    repo_id: Mapped[int] = mapped_column(ForeignKey("repositories.id"))
    num: Mapped[int]
    is_pull: Mapped[bool]
    title: Mapped[str] = mapped_column(String(200))
    # open, closed; of a pull request also draft and merged
    status: Mapped[str] = mapped_column(String(8))
    author_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # How many comments people see, and how many events there are.
    comments: Mapped[int] = mapped_column(default=0)
    events: Mapped[int] = mapped_column(default=0)
    # Bytes of all comments that people see.
    size: Mapped[int] = mapped_column(default=0)
    # The branch that a pull request is for, and where on it it began.
    target: Mapped[str | None] = mapped_column(String(REF_LENGTH))
    base_oid: Mapped[str | None] = mapped_column(String(OID_LENGTH))
    merge_oid: Mapped[str | None] = mapped_column(String(OID_LENGTH))

    author: Mapped[Account] = relationship(lazy="joined", innerjoin=True)


class ThreadEvent(Base):
    """What happened in a thread: `comment`, `status-change`, `title-change` or `commit`."""

    __tablename__ = "thread_events"
    __table_args__ = (
        Index(None, "thread_id", "id"),
        Index(None, "author_id", "created_at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    thread_id: Mapped[int] = mapped_column(ForeignKey("threads.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(16))
    author_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # Of a comment, as it is now.
    text: Mapped[str | None] = mapped_column(Text)
    edited_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    edits: Mapped[int] = mapped_column(default=0)
    hidden_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    hidden_by_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    # Of the others: {"status"}, {"from", "to"}, {"subject", "oid"}.
    data: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))

    author: Mapped[Account] = relationship(
        lazy="joined", innerjoin=True, foreign_keys="ThreadEvent.author_id"
    )


class CommentVersion(Base):
    """What a comment said before it was edited; `created_at` is when it began to say that."""

    __tablename__ = "comment_versions"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    event_id: Mapped[int] = mapped_column(
        ForeignKey("thread_events.id", ondelete="CASCADE"), index=True
    )
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
