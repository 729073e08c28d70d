from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from lorahub_server.insight.bases.tables import BaseHolder, BaseModel
from lorahub_server.insight.likeness.tables import AdapterSketch, Likeness, SketchKey
from lorahub_server.insight.playground.tables import Play
from lorahub_server.insight.previews.tables import Picture, Preview, PreviewSet, Render
from lorahub_server.insight.reports.tables import InspectionReport
from lorahub_server.insight.speed.tables import Speed
from lorahub_server.insight.variants.tables import Variant
from lorahub_server.kit.db import Base, UtcDateTime

# Whoever loads the subject's tables has all of them.
__all__ = [
    "AdapterSketch",
    "BaseHolder",
    "BaseModel",
    "FileHash",
    "Inspection",
    "InspectionReport",
    "Likeness",
    "Picture",
    "Play",
    "Preview",
    "PreviewSet",
    "Render",
    "SketchKey",
    "Speed",
    "Variant",
]


class Inspection(Base):
    """What one pass over an adapter file found; the same bytes are inspected once."""

    __tablename__ = "inspections"

    sha256: Mapped[str] = mapped_column(
        ForeignKey("blobs.sha256", ondelete="CASCADE"), primary_key=True
    )
    state: Mapped[str] = mapped_column(String(8))  # done, failed
    # adapters.Inspection.to_dict(): summary, hashes, health, data_sha256
    summary: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    health: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    data_sha256: Mapped[str | None] = mapped_column(String(64), index=True)
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_message: Mapped[str | None] = mapped_column(Text)
    inspected_at: Mapped[datetime] = mapped_column(UtcDateTime)


class FileHash(Base):
    """One of the names that other tools know a file by; several files may share a short one."""

    __tablename__ = "file_hashes"

    value: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)  # SHA256, AutoV2, BLAKE3 ...
    sha256: Mapped[str] = mapped_column(
        ForeignKey("blobs.sha256", ondelete="CASCADE"), primary_key=True, index=True
    )
