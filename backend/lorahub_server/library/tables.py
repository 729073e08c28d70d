from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Double, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from lorahub_server.kit.db import Base, UtcDateTime
from lorahub_server.library.tables_past import PublishedFile, Tombstone, TombstoneHash
from lorahub_server.library.tables_search import LibraryText, Listing, SearchKey, SearchWord

# Whoever loads the subject's tables has all of them.
__all__ = [
    "AdapterFile",
    "LibraryEntry",
    "LibraryText",
    "Listing",
    "PublishedFile",
    "RepoHead",
    "RepoTag",
    "RepoTerm",
    "SearchKey",
    "SearchWord",
    "Tombstone",
    "TombstoneHash",
]


class LibraryEntry(Base):
    """What lists and searches need of a repository.

    Derived from its default branch's card and inspections; `library.service` can make every row
    again. Counters are kept here; what lists are ordered by is copied to `Listing`.
    """

    __tablename__ = "library_entries"
    __table_args__ = (Index("ix_library_entries_family", "family", "repo_id"),)
    repo_id: Mapped[int] = mapped_column(
        ForeignKey("repositories.id"), primary_key=True, autoincrement=False
    )
    revision: Mapped[str | None] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(String(200), default="")
    summary: Mapped[str] = mapped_column(Text, default="")
    license: Mapped[str | None] = mapped_column(String(64))
    # By the licence: library.permissions.bits.
    permits: Mapped[int] = mapped_column(default=0, server_default="0")
    base_model: Mapped[str | None] = mapped_column(String(200))  # as the card declares it
    base_key: Mapped[str | None] = mapped_column(String(200))  # the same in lower case
    family: Mapped[str | None] = mapped_column(String(32))  # detected from the weights
    family_declared: Mapped[str | None] = mapped_column(String(32))  # what the card's base model is
    # What models of the family make: image, video, text, audio, vision.
    task: Mapped[str | None] = mapped_column(String(8))
    layout: Mapped[str | None] = mapped_column(String(32))
    method: Mapped[str | None] = mapped_column(String(32))
    rank: Mapped[int | None]
    size: Mapped[int] = mapped_column(BigInteger, default=0)  # bytes of all adapter files
    adapters: Mapped[int] = mapped_column(default=0)  # how many adapter files
    trigger_words: Mapped[list[str]] = mapped_column(JSON, default=list)
    # damaged (NaN, Inf, or all modules dead), failed (could not be inspected), waiting, ok, none
    health: Mapped[str] = mapped_column(String(16), default="none")
    # For whom it is, by its card and the pictures that stand on its page: library.maturity.
    maturity: Mapped[int] = mapped_column(default=0, server_default="0")
    # Names the repositories that are nearly the same as it, itself included: library.alike.
    fold_key: Mapped[str | None] = mapped_column(String(64), index=True)
    # A picture in the repository that stands for it: a path.
    cover: Mapped[str | None] = mapped_column(String(1024))
    # Git's id of that file, its bytes, and its SHA-256 once a worker made small copies of it. That
    # is the id of a picture; a foreign key would have SQLite write the whole table anew.
    cover_oid: Mapped[str | None] = mapped_column(String(40))
    cover_size: Mapped[int | None] = mapped_column(BigInteger)
    cover_picture: Mapped[str | None] = mapped_column(String(64), index=True)
    # A preview that does so before any picture in the files; insight.previews.covers chooses it.
    cover_preview: Mapped[int | None] = mapped_column(BigInteger)
    # Git's id of the card; "": there is none that could be read. NULL: an older hub wrote the row.
    card_oid: Mapped[str | None] = mapped_column(String(40))
    # The card's tags, sorted; RepoTag has them too.
    tags: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    stars: Mapped[int] = mapped_column(default=0)
    downloads: Mapped[int] = mapped_column(BigInteger, default=0)
    # How lively it is, fading with time by itself: see library.trending. 0: never was.
    trending: Mapped[float] = mapped_column(Double, default=0.0)
    # The first and the last commit of the default branch; an empty repository has neither.
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RepoTag(Base):
    __tablename__ = "repo_tags"
    __table_args__ = (Index("ix_repo_tags_tag", "tag", "repo_id"),)

    repo_id: Mapped[int] = mapped_column(ForeignKey("repositories.id"), primary_key=True)
    tag: Mapped[str] = mapped_column(String(64), primary_key=True)


class RepoHead(Base):
    """The head of a default branch as clients of other hubs ask for it, in one row.

    All of it is in the git objects too, where it takes a statement for each level of folders.
    """

    __tablename__ = "repo_heads"

    repo_id: Mapped[int] = mapped_column(
        ForeignKey("repositories.id"), primary_key=True, autoincrement=False
    )
    revision: Mapped[str | None] = mapped_column(String(40))
    # library.vocabulary.Head: front, terms, library, weights, config
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    # Of every file, sorted by path: path, size, git's id, SHA-256 if it is a large one.
    files: Mapped[list[list[Any]]] = mapped_column(JSON, deferred=True)


class RepoTerm(Base):
    """A tag in the vocabulary of other hubs, in lower case: `license:mit`, `base_model:x/y`."""

    __tablename__ = "repo_terms"
    __table_args__ = (Index("ix_repo_terms_term", "term", "repo_id"),)

    repo_id: Mapped[int] = mapped_column(ForeignKey("repositories.id"), primary_key=True)
    term: Mapped[str] = mapped_column(String(300), primary_key=True)


class AdapterFile(Base):
    """An adapter file in the head of a default branch."""

    __tablename__ = "adapter_files"

    repo_id: Mapped[int] = mapped_column(ForeignKey("repositories.id"), primary_key=True)
    path: Mapped[str] = mapped_column(String(1024), primary_key=True)
    sha256: Mapped[str] = mapped_column(ForeignKey("blobs.sha256"), index=True)
    size: Mapped[int] = mapped_column(BigInteger)
    # What of the adapter_config.json beside it is of use (library.overlay); NULL: there is none.
    config: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class EvaluationResult(Base):
    """A number that a repository's card or files give for how well it does at something.

    Of the head of the default branch; `library.service` can make every row again.
    """

    __tablename__ = "evaluation_results"
    __table_args__ = (Index("ix_evaluation_results_key", "key", "base", "repo_id"),)

    repo_id: Mapped[int] = mapped_column(ForeignKey("repositories.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # from 0, as written
    # What may be compared has the same one: dataset, configuration, split and metric.
    key: Mapped[str] = mapped_column(String(32))
    base: Mapped[str | None] = mapped_column(String(200))  # the first base model, in lower case
    value: Mapped[float] = mapped_column(Double)
    # Of a 95 % interval; NULL where nothing tells how sure the value is.
    low: Mapped[float | None] = mapped_column(Double)
    high: Mapped[float | None] = mapped_column(Double)
    # library.evaluations.Result without these
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
