from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from lorahub_server.kit.db import Base


class InspectionReport(Base):
    """A report of adapters.inspect_file: JSON, compressed, as it can be a few hundred KB."""

    __tablename__ = "inspection_reports"

    sha256: Mapped[str] = mapped_column(
        String(64), ForeignKey("blobs.sha256", ondelete="CASCADE"), primary_key=True
    )
    version: Mapped[int]
    data: Mapped[bytes] = mapped_column(LargeBinary)
