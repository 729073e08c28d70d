from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lorahub_server.accounts.tables import Account
from lorahub_server.kit.db import Base, Id, UtcDateTime

OID_LENGTH = 40
REF_LENGTH = 270  # refs/heads/ and kit.names.REF_MAX_BYTES


class Repository(Base):
    """What people publish. A deleted one keeps its row: its name stays taken."""

    __tablename__ = "repositories"
    __table_args__ = (
        UniqueConstraint("owner_id", "name_lower"),
        Index("ix_repositories_name_lower", "name_lower", "id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    # Who made it in an organisation; NULL is the owner.
    creator_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    name: Mapped[str] = mapped_column(String(96))
    name_lower: Mapped[str] = mapped_column(String(96))  # kit.names.lower
    private: Mapped[bool] = mapped_column(default=False)
    # Whether its files wait for an accepted request: NULL no; `auto` all are, `manual` by hand.
    gated: Mapped[str | None] = mapped_column(String(8))
    default_branch: Mapped[str] = mapped_column(String(REF_LENGTH), default="main")
    # What it began as a copy of; told only to those who may see that one.
    forked_from_id: Mapped[int | None] = mapped_column(ForeignKey("repositories.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    owner: Mapped[Account] = relationship(
        lazy="joined", innerjoin=True, foreign_keys="Repository.owner_id"
    )

    @property
    def is_guarded(self) -> bool:
        """Tell whether not everybody may have its files."""
        return self.private or self.gated is not None

    @property
    def full_name(self) -> str:
        return f"{self.owner.name}/{self.name}"


class FormerRepoName(Base):
    """A name that a repository gave up; it leads on to the repository."""

    __tablename__ = "former_repo_names"

    owner_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    name_lower: Mapped[str] = mapped_column(String(96), primary_key=True)
    repo_id: Mapped[int] = mapped_column(ForeignKey("repositories.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class GitObject(Base):
    """A commit, tree, tag or small file, as git stores it; never changed.

    Of a blob, `content_sha256` and `content_size` tell of the file that people see: the bytes
    themselves, or, when `large`, those that the git-lfs pointer in `data` names.
    """

    __tablename__ = "git_objects"

    repo_id: Mapped[int] = mapped_column(ForeignKey("repositories.id"), primary_key=True)
    oid: Mapped[str] = mapped_column(String(OID_LENGTH), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))  # commit, tree, blob, tag
    size: Mapped[int] = mapped_column(BigInteger)  # bytes of `data`
    large: Mapped[bool] = mapped_column(default=False)
    content_sha256: Mapped[str | None] = mapped_column(String(64))
    content_size: Mapped[int | None] = mapped_column(BigInteger)
    data: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)


class Ref(Base):
    """A branch (`refs/heads/...`), tag (`refs/tags/...`) or pull request (`refs/pr/N`)."""

    __tablename__ = "refs"

    repo_id: Mapped[int] = mapped_column(ForeignKey("repositories.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(REF_LENGTH), primary_key=True)
    # The commit, or the tag object that leads to one.
    oid: Mapped[str] = mapped_column(String(OID_LENGTH))
    # The commit in either case.
    commit_oid: Mapped[str] = mapped_column(String(OID_LENGTH))
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class CommitRow(Base):
    """What lists of commits show, read from the commit object when it was written."""

    __tablename__ = "commits"
    __table_args__ = (Index("ix_commits_author_id", "author_id", "created_at"),)

    repo_id: Mapped[int] = mapped_column(ForeignKey("repositories.id"), primary_key=True)
    oid: Mapped[str] = mapped_column(String(OID_LENGTH), primary_key=True)
    tree_oid: Mapped[str] = mapped_column(String(OID_LENGTH))
    # The first parent; NULL for the first commit. Merges have more in the object.
    parent_oid: Mapped[str | None] = mapped_column(String(OID_LENGTH))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    author_name: Mapped[str] = mapped_column(String(200))
    title: Mapped[str] = mapped_column(String(200))
    message: Mapped[str] = mapped_column(Text)
    # How many files its tree has.
    files: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    author: Mapped[Account | None] = relationship(lazy="joined")
