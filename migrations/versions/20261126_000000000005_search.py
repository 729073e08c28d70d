"""search

Revision ID: 000000000005
Revises: 000000000004
Create Date: 2026-11-26 12:05:00.000000
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "000000000005"
down_revision: str | None = "000000000004"
branch_labels: None = None
depends_on: None = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SORTED = ("trending", "updated_at", "published_at", "stars", "downloads")
_ORDERS = ("trending", "downloads", "stars", "published", "updated", "size")


def upgrade() -> None:
    with op.batch_alter_table("library_entries", schema=None) as batch_op:
        for name in (*_SORTED, "family"):
            batch_op.drop_index(f"ix_library_entries_{name}")
        batch_op.drop_column("search_text")
        batch_op.add_column(sa.Column("permits", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("base_key", sa.String(length=200), nullable=True))
        batch_op.add_column(sa.Column("task", sa.String(length=8), nullable=True))
        batch_op.add_column(sa.Column("maturity", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("fold_key", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("tags", sa.JSON(), server_default="[]", nullable=False))
        batch_op.create_index(batch_op.f("ix_library_entries_fold_key"), ["fold_key"], unique=False)
        batch_op.create_index("ix_library_entries_family", ["family", "repo_id"], unique=False)

    op.create_index("ix_repositories_name_lower", "repositories", ["name_lower", "id"])
    op.create_table(
        "search_keys",
        sa.Column("id", _ID, nullable=False),
        sa.Column("scope", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("full", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_keys")),
        sa.UniqueConstraint("kind", "value", "scope", name=op.f("uq_search_keys_kind_value_scope")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_search_keys_uses", "search_keys", ["scope", "kind", "uses"])
    op.create_table(
        "listings",
        sa.Column("repo_id", _ID, nullable=False),
        sa.Column("key_id", _ID, nullable=False),
        sa.Column("trending", sa.Double(), nullable=False),
        sa.Column("downloads", sa.BigInteger(), nullable=False),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("published", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repo_id"], ["repositories.id"], name=op.f("fk_listings_repo_id_repositories")
        ),
        sa.ForeignKeyConstraint(
            ["key_id"], ["search_keys.id"], name=op.f("fk_listings_key_id_search_keys")
        ),
        sa.PrimaryKeyConstraint("repo_id", "key_id", name=op.f("pk_listings")),
        sqlite_with_rowid=False,
    )
    for name in _ORDERS:
        op.create_index(f"ix_listings_{name}", "listings", ["key_id", name, "repo_id"])
    _create_texts()


def _create_texts() -> None:
    document = sa.Text().with_variant(postgresql.TSVECTOR(), "postgresql")
    op.create_table(
        "library_texts",
        sa.Column("repo_id", _ID, nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("names", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("document", document, nullable=True),
        sa.ForeignKeyConstraint(
            ["repo_id"], ["repositories.id"], name=op.f("fk_library_texts_repo_id_repositories")
        ),
        sa.PrimaryKeyConstraint("repo_id", name=op.f("pk_library_texts")),
    )
    op.create_table(
        "search_words",
        sa.Column("form", sa.String(length=100), nullable=False),
        sa.Column("word", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("form", "word", name=op.f("pk_search_words")),
    )
    op.create_index(
        "ix_library_texts_document", "library_texts", ["document"], postgresql_using="gin"
    )
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE VIRTUAL TABLE library_fts USING fts5(names, words, facts, body, content='', "
            "detail=column, prefix='2 3 4', tokenize='unicode61 remove_diacritics 0')"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE library_fts")
    for name in ("search_words", "library_texts", "listings", "search_keys"):
        op.drop_table(name)
    op.drop_index("ix_repositories_name_lower", table_name="repositories")
    with op.batch_alter_table("library_entries", schema=None) as batch_op:
        batch_op.drop_index("ix_library_entries_family")
        batch_op.drop_index(batch_op.f("ix_library_entries_fold_key"))
        for name in ("tags", "fold_key", "maturity", "task", "base_key", "permits"):
            batch_op.drop_column(name)
        batch_op.add_column(sa.Column("search_text", sa.Text(), server_default="", nullable=False))
        for name in _SORTED:
            batch_op.create_index(f"ix_library_entries_{name}", [name, "repo_id"], unique=False)
        batch_op.create_index(
            "ix_library_entries_family", ["family", "updated_at", "repo_id"], unique=False
        )
