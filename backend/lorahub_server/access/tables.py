from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lorahub_server.accounts.tables import Account
from lorahub_server.kit.db import Base, Id, UtcDateTime


class AccessRequest(Base):
    """Somebody's wish for the files of a gated repository, and what became of it.

    An accepted one is the right to read them. It is kept here because the rules ask for it; the
    repositories, to which it refers, lie on the floor above.
    """

    __tablename__ = "access_requests"
    __table_args__ = (
        UniqueConstraint("repo_id", "account_id"),
        Index("ix_access_requests_repo_id_status", "repo_id", "status", "id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    repo_id: Mapped[int] = mapped_column(ForeignKey("repositories.id"))
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    status: Mapped[str] = mapped_column(String(16))  # pending, accepted, rejected
    # What the person filled in, by the names that the card gives the fields.
    fields: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    reason: Mapped[str] = mapped_column(Text, default="")  # why it was rejected
    # Given without being asked for.
    is_grant: Mapped[bool] = mapped_column(default=False)
    handled_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)

    account: Mapped[Account] = relationship(
        lazy="joined", innerjoin=True, foreign_keys="AccessRequest.account_id"
    )
