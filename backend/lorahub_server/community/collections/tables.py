from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lorahub_server.accounts.tables import Account
from lorahub_server.kit.db import Base, Id, UtcDateTime


class Collection(Base):
    __tablename__ = "collections"
    __table_args__ = (
        UniqueConstraint("owner_id", "title_key"),
        Index(None, "owner_id", "position"),
        Index(None, "updated_at", "id"),
        Index(None, "upvotes", "id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    creator_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    title: Mapped[str] = mapped_column(String(60))
    title_key: Mapped[str] = mapped_column(String(180))  # one owner's titles differ in it
    description: Mapped[str] = mapped_column(String(150), default="")
    theme: Mapped[str] = mapped_column(String(16))
    private: Mapped[bool] = mapped_column(default=False)
    # Among the owner's collections, from 0 on.
    position: Mapped[int]
    upvotes: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)

    owner: Mapped[Account] = relationship(
        lazy="joined", innerjoin=True, foreign_keys="Collection.owner_id"
    )


class CollectionItem(Base):
    """A repository or another collection in a collection."""

    __tablename__ = "collection_items"
    __table_args__ = (
        UniqueConstraint("collection_id", "repo_id"),
        UniqueConstraint("collection_id", "target_id"),
        CheckConstraint("(repo_id IS NULL) != (target_id IS NULL)", name="one_thing"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    collection_id: Mapped[int] = mapped_column(ForeignKey("collections.id", ondelete="CASCADE"))
    repo_id: Mapped[int | None] = mapped_column(ForeignKey("repositories.id"), index=True)
    target_id: Mapped[int | None] = mapped_column(
        ForeignKey("collections.id", ondelete="CASCADE"), index=True
    )
    note: Mapped[str] = mapped_column(String(500), default="")
    # From 0 on; those that a reader may not see leave gaps.
    position: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Upvote(Base):
    __tablename__ = "collection_upvotes"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    collection_id: Mapped[int] = mapped_column(
        ForeignKey("collections.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
