from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from lorahub_server.kit.db import Base, UtcDateTime


class BaseModel(Base):
    """A base model that previews may be rendered with; administrators decide which there are."""

    __tablename__ = "base_models"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)  # a slug: `sd15`
    title: Mapped[str] = mapped_column(String(120))
    family: Mapped[str] = mapped_column(String(32), index=True)  # lorahub.adapters' families
    task: Mapped[str] = mapped_column(String(8))  # image, text
    # folder, file: a path on the workers; repo: a repository's id at `endpoint`, "" is this hub.
    kind: Mapped[str] = mapped_column(String(8))
    source: Mapped[str] = mapped_column(String(500))
    endpoint: Mapped[str] = mapped_column(String(300), default="")
    revision: Mapped[str] = mapped_column(String(100), default="")
    dtype: Mapped[str] = mapped_column(String(8), default="auto")  # auto, fp32, fp16, bf16
    scheduler: Mapped[str] = mapped_column(String(32), default="")  # "": the base's own
    steps: Mapped[int] = mapped_column(default=20)
    guidance: Mapped[float] = mapped_column(default=5.0)
    guidance_rescale: Mapped[float] = mapped_column(default=0.0)
    width: Mapped[int] = mapped_column(default=512)
    height: Mapped[int] = mapped_column(default=512)
    negative: Mapped[str] = mapped_column(String(1000), default="")
    license: Mapped[str | None] = mapped_column(String(64))
    enabled: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class BaseHolder(Base):
    """A worker that holds a base: it says so again every while, and is forgotten when it ceases."""

    __tablename__ = "base_holders"

    base_id: Mapped[str] = mapped_column(
        ForeignKey("base_models.id", ondelete="CASCADE"), primary_key=True
    )
    worker: Mapped[str] = mapped_column(String(100), primary_key=True)
    # SHA-256 over the weights as engines.digest makes it: two workers with the same have the same.
    digest: Mapped[str] = mapped_column(String(64))
    device: Mapped[str] = mapped_column(String(120))
    dtype: Mapped[str] = mapped_column(String(8))
    memory: Mapped[int | None] = mapped_column(BigInteger)  # bytes, once it was loaded
    load_ms: Mapped[int | None]
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
