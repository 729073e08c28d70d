from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Float, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from lorahub_server.kit.db import Base, UtcDateTime


class Speed(Base):
    """What an adapter file costs on one device with one base; times are medians in ms."""

    __tablename__ = "speeds"

    sha256: Mapped[str] = mapped_column(
        ForeignKey("blobs.sha256", ondelete="CASCADE"), primary_key=True
    )
    base_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    device: Mapped[str] = mapped_column(String(120), primary_key=True)
    load_ms: Mapped[float] = mapped_column(Float)  # from the file to the first use
    swap_ms: Mapped[float] = mapped_column(Float)  # from another adapter of the family to this
    base_ms: Mapped[float] = mapped_column(Float)  # one picture (or 32 tokens), the base alone
    unfused_ms: Mapped[float] = mapped_column(Float)  # the same with the adapter beside the weights
    fused_ms: Mapped[float | None] = mapped_column(Float)  # and folded into them
    memory: Mapped[int] = mapped_column(BigInteger)  # bytes that the adapter adds
    setting: Mapped[dict[str, Any]] = mapped_column(JSON)  # steps, size, dtype, libraries
    measured_at: Mapped[datetime] = mapped_column(UtcDateTime)
