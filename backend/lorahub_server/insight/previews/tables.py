from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from lorahub_server.kit.db import Base, UtcDateTime

_Id = BigInteger().with_variant(Integer, "sqlite")


class Picture(Base):
    """A picture, named by the SHA-256 of its bytes, with small copies in the store.

    Its own bytes lie beside them, unless it is only a file of repositories, which have them.
    """

    __tablename__ = "pictures"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    media_type: Mapped[str] = mapped_column(String(32))
    size: Mapped[int] = mapped_column(BigInteger)
    width: Mapped[int]
    height: Mapped[int]
    # Bytes of the copy that is at most 480 px wide; None until it is made.
    small_size: Mapped[int | None]
    # Bytes of all copies by their widths: {"240": ..., "480": ...}; None of those of earlier hubs.
    copies: Mapped[dict[str, int] | None] = mapped_column(JSON(none_as_null=True))
    # What the file says about its making: {"prompt", "negative", "seed", "steps", ...}.
    parameters: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Render(Base):
    """A recipe and what came of it; the id is the recipe's hash, so the same is rendered once."""

    __tablename__ = "renders"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)  # recipe.recipe_id
    recipe: Mapped[dict[str, Any]] = mapped_column(JSON)
    # Without a foreign key: what was rendered outlives a base that is taken from the registry.
    base_id: Mapped[str] = mapped_column(String(64), index=True)
    state: Mapped[str] = mapped_column(String(8))  # waiting, done, failed
    picture: Mapped[str | None] = mapped_column(ForeignKey("pictures.sha256"), index=True)
    text: Mapped[str | None] = mapped_column(Text)
    # {"base_digest", "device", "dtype", "libraries": {...}, "seconds", "batch", "effect", ...}
    facts: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    # What the worker's classifier said: {"label", "score", "maturity"}; None: it has none.
    rating: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_message: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Preview(Base):
    """A picture or text on a repository's page: rendered, uploaded, or kept from the playground."""

    __tablename__ = "previews"
    __table_args__ = (
        Index("ix_previews_repo_id_position", "repo_id", "group", "position", "id"),
        # Addresses that are kept for ever name the id, so it never comes again.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    repo_id: Mapped[int] = mapped_column(ForeignKey("repositories.id"))
    group: Mapped[str] = mapped_column(String(16))  # samples, sweep, texts, uploaded, kept
    position: Mapped[int] = mapped_column(default=0)
    # Which of the repository's adapter files it shows.
    path: Mapped[str | None] = mapped_column(Text)
    sha256: Mapped[str | None] = mapped_column(String(64), index=True)
    render_id: Mapped[str | None] = mapped_column(ForeignKey("renders.id"), index=True)
    # The base alone with the same prompt and seed, to look at beside it.
    base_render_id: Mapped[str | None] = mapped_column(ForeignKey("renders.id"), index=True)
    # Set for uploads alone; a render has its own.
    picture: Mapped[str | None] = mapped_column(ForeignKey("pictures.sha256"), index=True)
    strength: Mapped[float | None]
    caption: Mapped[str] = mapped_column(String(300), default="")
    maturity: Mapped[str] = mapped_column(String(8), default="unrated")  # model.MATURITIES
    # Who said so: owner, worker (its classifier), none.
    rated_by: Mapped[str] = mapped_column(String(8), default="none")
    # Who put it there; None: the hub by itself.
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PreviewSet(Base):
    """What is wanted of a repository's previews, and how that stands."""

    __tablename__ = "preview_sets"

    repo_id: Mapped[int] = mapped_column(ForeignKey("repositories.id"), primary_key=True)
    # The owner's prompts: [{"prompt", "negative", "seed"}]; None: the hub's own choice.
    prompts: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    base_id: Mapped[str | None] = mapped_column(String(64))  # the owner's choice; None: the first
    cover: Mapped[int | None] = mapped_column(BigInteger)  # a preview's id
    # Names what the set was last made from, so that the same is not planned twice.
    made_from: Mapped[str | None] = mapped_column(String(64))
    # planned, no_base, refused, none (nothing to show), off (the owner wants none)
    state: Mapped[str] = mapped_column(String(8), default="none")
    family: Mapped[str | None] = mapped_column(String(32), index=True)
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_message: Mapped[str | None] = mapped_column(Text)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
