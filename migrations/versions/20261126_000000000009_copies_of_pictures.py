"""copies of pictures

Revision ID: 000000000009
Revises: 000000000008
Create Date: 2026-11-26 13:05:11.402155
"""

import sqlalchemy as sa
from alembic import op

revision: str = "000000000009"
down_revision: str | None = "000000000008"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    with op.batch_alter_table("pictures", schema=None) as batch_op:
        batch_op.add_column(sa.Column("copies", sa.JSON(none_as_null=True), nullable=True))

    with op.batch_alter_table("library_entries", schema=None) as batch_op:
        batch_op.add_column(sa.Column("cover_oid", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("cover_size", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("cover_picture", sa.String(length=64), nullable=True))
        batch_op.create_index(
            batch_op.f("ix_library_entries_cover_picture"), ["cover_picture"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("library_entries", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_library_entries_cover_picture"))
        batch_op.drop_column("cover_picture")
        batch_op.drop_column("cover_size")
        batch_op.drop_column("cover_oid")

    with op.batch_alter_table("pictures", schema=None) as batch_op:
        batch_op.drop_column("copies")
