from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from lorahub_server.kit.db import Base, UtcDateTime


class Variant(Base):
    """A file made from another by a recipe; the id names both, so the same is made once.

    Its bytes can be made again at any time: what nobody asked for in a while is cleared away.
    """

    __tablename__ = "variants"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    source: Mapped[str] = mapped_column(ForeignKey("blobs.sha256", ondelete="CASCADE"), index=True)
    # Set where a configuration beside the weights was used: it is that repository's alone, even if
    # others have the same weights.
    repo_id: Mapped[int | None] = mapped_column(ForeignKey("repositories.id"), index=True)
    recipe: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(8))  # waiting, done, failed
    # [{"name", "size", "sha256"}], the weights first.
    files: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    size: Mapped[int] = mapped_column(BigInteger, default=0)
    # What the making said about itself: notes, proof.
    report: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_message: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    failed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
