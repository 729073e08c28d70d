from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from lorahub_server.kit.db import Base, UtcDateTime


class XetSpace(Base):
    """Where one account's chunks for one repository lie until they are files.

    Its id is part of the address that clients send to, and by which they remember what they sent.
    So chunks are found again in their own space only, and a new space makes clients forget.
    """

    __tablename__ = "xet_spaces"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    repo_id: Mapped[int] = mapped_column(ForeignKey("repositories.id"))
    # Bytes of the chunks that were sent, and of the files made of them.
    sent: Mapped[int] = mapped_column(BigInteger, default=0)
    built: Mapped[int] = mapped_column(BigInteger, default=0)
    # Uploads that begin get another one.
    closed: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    touched_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class XetXorb(Base):
    """A verified bundle of chunks in the store."""

    __tablename__ = "xet_xorbs"

    space_id: Mapped[str] = mapped_column(
        ForeignKey("xet_spaces.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    # Bytes of the chunks, and how many they are.
    size: Mapped[int]
    chunks: Mapped[int]
