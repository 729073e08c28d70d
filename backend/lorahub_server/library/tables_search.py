"""What lists and searches walk. All of it is derived: `lorahub-server rebuild` makes it again."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Double,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    event,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Mapped, mapped_column

from lorahub_server.kit.db import Base, Id

WORD_MAX = 100
FTS = "library_fts"


class SearchKey(Base):
    """A quality that repositories share: a tag, a family, a licence; the empty one is of all.

    `scope` is 0 for public repositories; private ones have keys of their own, whose scope is the
    owner's id, so that nobody walks over what they may not see.
    """

    __tablename__ = "search_keys"
    __table_args__ = (
        UniqueConstraint("kind", "value", "scope"),
        Index("ix_search_keys_uses", "scope", "kind", "uses"),
        # A number that was used stays so: processes remember what it stands for.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    scope: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(8))  # library.keys.KINDS
    value: Mapped[str] = mapped_column(String(200))
    uses: Mapped[int] = mapped_column(default=0)  # repositories that have it
    full: Mapped[int] = mapped_column(default=0)  # those of them with an adapter


class Listing(Base):
    """A repository under one of its keys, with all that lists are ordered by.

    Each index holds one order of each key, so that a page is read from one place in it. Moments
    are microseconds since 1970; what never happened is the least number, and no size the largest.
    """

    __tablename__ = "listings"
    __table_args__ = (
        *(
            Index(f"ix_listings_{column}", "key_id", column, "repo_id")
            for column in ("trending", "downloads", "stars", "published", "updated", "size")
        ),
        {"sqlite_with_rowid": False},
    )

    repo_id: Mapped[int] = mapped_column(
        ForeignKey("repositories.id"), primary_key=True, autoincrement=False
    )
    key_id: Mapped[int] = mapped_column(
        ForeignKey("search_keys.id"), primary_key=True, autoincrement=False
    )
    trending: Mapped[float] = mapped_column(Double)
    downloads: Mapped[int] = mapped_column(BigInteger)
    stars: Mapped[int]
    published: Mapped[int] = mapped_column(BigInteger)
    updated: Mapped[int] = mapped_column(BigInteger)
    size: Mapped[int] = mapped_column(BigInteger)


class LibraryText(Base):
    """The words of a repository, as library.words makes them of texts.

    On SQLite the table `library_fts` (FTS5, without contents of its own) finds them: its row ids
    begin with the popularity, so that a search that stops early has seen what is popular. On
    PostgreSQL `document` does, which has the popularity as a word.
    """

    __tablename__ = "library_texts"
    __table_args__ = (Index("ix_library_texts_document", "document", postgresql_using="gin"),)

    repo_id: Mapped[int] = mapped_column(
        ForeignKey("repositories.id"), primary_key=True, autoincrement=False
    )
    bucket: Mapped[int]  # library.words.bucket of the downloads
    names: Mapped[str] = mapped_column(Text)  # the owner's, its own, the title
    words: Mapped[str] = mapped_column(Text)  # trigger words, tags, base models and the like
    facts: Mapped[str] = mapped_column(Text)  # what was detected, which may change by itself
    body: Mapped[str] = mapped_column(Text, deferred=True)  # the card
    # PostgreSQL's alone.
    document: Mapped[Any | None] = mapped_column(
        Text().with_variant(postgresql.TSVECTOR(), "postgresql"), deferred=True
    )


class SearchWord(Base):
    """A word that somebody could mean, under itself and each form that lacks one character."""

    __tablename__ = "search_words"

    form: Mapped[str] = mapped_column(String(WORD_MAX), primary_key=True)
    word: Mapped[str] = mapped_column(String(WORD_MAX), primary_key=True)


MAKE_FTS = (
    f"CREATE VIRTUAL TABLE {FTS} USING fts5(names, words, facts, body, content='', "
    "detail=column, prefix='2 3 4', tokenize='unicode61 remove_diacritics 0')"
)


@event.listens_for(LibraryText.__table__, "after_create")
def _make_fts(table: object, connection: Connection, **_more: object) -> None:
    del table
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(MAKE_FTS)
