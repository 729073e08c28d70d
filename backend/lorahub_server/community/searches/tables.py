from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from lorahub_server.kit.db import Base, Id, UtcDateTime


class SavedSearch(Base):
    """A search line that an account keeps under a name."""

    __tablename__ = "saved_searches"
    __table_args__ = (Index("ix_saved_searches_notify_id", "notify", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    line: Mapped[str] = mapped_column(Text)  # library.syntax
    notify: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # Since when it is to be told of; what was published before is not news.
    since: Mapped[datetime] = mapped_column(UtcDateTime)


class SearchHit(Base):
    """A repository that a search's owner was told of, so that it is told once."""

    __tablename__ = "search_hits"

    search_id: Mapped[int] = mapped_column(
        ForeignKey("saved_searches.id", ondelete="CASCADE"), primary_key=True
    )
    repo_id: Mapped[int] = mapped_column(ForeignKey("repositories.id"), primary_key=True)
    found_at: Mapped[datetime] = mapped_column(UtcDateTime)
