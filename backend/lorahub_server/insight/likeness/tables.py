from datetime import datetime

from sqlalchemy import BigInteger, Float, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from lorahub_server.kit.db import Base, UtcDateTime


def _file() -> ForeignKey:
    return ForeignKey("blobs.sha256", ondelete="CASCADE")


class AdapterSketch(Base):
    """What adapters.sketch remembers of a file's ΔW, and hashes of its tensors alone."""

    __tablename__ = "adapter_sketches"

    sha256: Mapped[str] = mapped_column(String(64), _file(), primary_key=True)
    data: Mapped[bytes | None] = mapped_column(LargeBinary)
    tensors_sha256: Mapped[str] = mapped_column(String(64), index=True)
    unnamed_sha256: Mapped[str] = mapped_column(String(64), index=True)


class SketchKey(Base):
    """An index by likeness: files that are alike share some of their keys."""

    __tablename__ = "sketch_keys"

    key: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    sha256: Mapped[str] = mapped_column(String(64), _file(), primary_key=True, index=True)


class Likeness(Base):
    """Two files that are alike; there is a row for each direction.

    `kind`: tensors (the same numbers under another header), or one of adapters.sameness: same,
    scaled, resized, near, related; or part (`other` is in `sha256`, a merge, with the weight
    `ratio`). `ratio` is else the other's ‖ΔW‖ over this one's.
    """

    __tablename__ = "likenesses"

    sha256: Mapped[str] = mapped_column(String(64), _file(), primary_key=True)
    other: Mapped[str] = mapped_column(String(64), _file(), primary_key=True, index=True)
    kind: Mapped[str] = mapped_column(String(8))
    cosine: Mapped[float] = mapped_column(Float)
    ratio: Mapped[float] = mapped_column(Float)
    found_at: Mapped[datetime] = mapped_column(UtcDateTime)
