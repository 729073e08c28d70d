from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lorahub_server.accounts.tables import Account
from lorahub_server.kit.db import Base, Id, UtcDateTime


class Webhook(Base):
    """Where an account wants to be told of what happens to what it watches."""

    __tablename__ = "webhooks"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    url: Mapped[str] = mapped_column(Text)
    # Which kinds of events: `repo`, `discussion`.
    on_repo: Mapped[bool] = mapped_column(default=True)
    on_discussion: Mapped[bool] = mapped_column(default=True)
    # Sent with each delivery, and never shown again.
    secret: Mapped[str | None] = mapped_column(Text, deferred=True)
    has_secret: Mapped[bool] = mapped_column(default=False)
    disabled: Mapped[bool] = mapped_column(default=False)
    # Why the hub turned it off; empty when its owner did.
    disabled_why: Mapped[str] = mapped_column(Text, default="")
    # Failures since the last success, and since when; nothing is tried before `paused_until`.
    failures: Mapped[int] = mapped_column(default=0)
    failing_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paused_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    account: Mapped[Account] = relationship(lazy="joined", innerjoin=True)
    watched: Mapped[list["WebhookWatch"]] = relationship(
        lazy="selectin", order_by="WebhookWatch.id", cascade="all, delete-orphan"
    )

    @property
    def domains(self) -> list[str]:
        return [
            *(["repo"] if self.on_repo else []),
            *(["discussion"] if self.on_discussion else []),
        ]


class WebhookWatch(Base):
    """One thing that a hook watches: all of an account's repositories, or one repository."""

    __tablename__ = "webhook_watches"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    hook_id: Mapped[int] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(8))  # user, org, model
    name: Mapped[str] = mapped_column(String(200))  # as it was called then
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    repo_id: Mapped[int | None] = mapped_column(ForeignKey("repositories.id"), index=True)


class WebhookEvent(Base):
    """Something that happened to a watched repository, written with what made it happen."""

    __tablename__ = "webhook_events"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    repo_id: Mapped[int] = mapped_column(ForeignKey("repositories.id"))
    owner_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    next_owner_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    scope: Mapped[str] = mapped_column(String(32))
    action: Mapped[str] = mapped_column(String(16))
    # What is sent of it, but for the hub's address and the hook's id.
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class WebhookDelivery(Base):
    """An event on its way to one hook, and how that went."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (Index("ix_webhook_deliveries_hook_id_created_at", "hook_id", "created_at"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    hook_id: Mapped[int] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    event_id: Mapped[int] = mapped_column(
        ForeignKey("webhook_events.id", ondelete="CASCADE"), index=True
    )
    # waiting, delivered, failed, dropped (the hook's owner may no longer know)
    state: Mapped[str] = mapped_column(String(16), default="waiting")
    tries: Mapped[int] = mapped_column(default=0)
    status: Mapped[int | None]  # of the last answer
    error: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    tried_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # When it is tried next, while it waits after a failure.
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    event: Mapped[WebhookEvent] = relationship(lazy="joined", innerjoin=True)
