from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from lorahub_server.kit.db import Base, UtcDateTime


class Play(Base):
    """What somebody asked the playground of a repository for; only they see it."""

    __tablename__ = "plays"
    __table_args__ = (Index("ix_plays_account_id_id", "account_id", "id"),)

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    repo_id: Mapped[int] = mapped_column(ForeignKey("repositories.id"), index=True)
    # Where the stacked adapters were found: [{"repo_id", "path", "sha256", "strength"}].
    adapters: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    render_id: Mapped[str] = mapped_column(ForeignKey("renders.id"), index=True)
    # The base alone with the same prompt and seed, if that was asked for too.
    base_render_id: Mapped[str | None] = mapped_column(ForeignKey("renders.id"), index=True)
    # The first job; one that goes on after it is found by its dedup key.
    job_id: Mapped[int | None] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(10), default="asked")  # asked, cancelled
    # The account wants to keep it: it is not cleared away.
    is_kept: Mapped[bool] = mapped_column(default=False)
    preview_id: Mapped[int | None] = mapped_column(BigInteger)  # once it is kept in the gallery
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
