from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from lorahub_server.community.collections.tables import Collection, CollectionItem, Upvote
from lorahub_server.community.discussions.tables import CommentVersion, Thread, ThreadEvent
from lorahub_server.community.notifications.tables import Notification
from lorahub_server.community.searches.tables import SavedSearch, SearchHit
from lorahub_server.community.webhooks.tables import (
    Webhook,
    WebhookDelivery,
    WebhookEvent,
    WebhookWatch,
)
from lorahub_server.kit.db import Base, UtcDateTime

# Whoever loads the subject's tables has all of them.
__all__ = [
    "Collection",
    "CollectionItem",
    "CommentVersion",
    "Follow",
    "Notification",
    "Pin",
    "SavedSearch",
    "SearchHit",
    "Star",
    "Thread",
    "ThreadEvent",
    "Upvote",
    "Webhook",
    "WebhookDelivery",
    "WebhookEvent",
    "WebhookWatch",
]


class Star(Base):
    __tablename__ = "stars"
    __table_args__ = (Index(None, "account_id", "created_at"),)

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    repo_id: Mapped[int] = mapped_column(
        ForeignKey("repositories.id"), primary_key=True, index=True
    )
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Follow(Base):
    """Somebody wants to hear of what an account does: a person's or an organisation's."""

    __tablename__ = "follows"

    follower_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True, index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Pin(Base):
    """A repository that an account shows first on its page, in the order of `place`."""

    __tablename__ = "pins"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    repo_id: Mapped[int] = mapped_column(
        ForeignKey("repositories.id"), primary_key=True, index=True
    )
    place: Mapped[int]
