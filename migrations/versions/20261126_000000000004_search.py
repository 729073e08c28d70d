"""search

Revision ID: 000000000004
Revises: 000000000003
Create Date: 2026-11-26 12:05:00.000000
"""

import sqlalchemy as sa
from alembic import op

revision: str = "000000000004"
down_revision: str | None = "000000000003"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    with op.batch_alter_table("library_entries", schema=None) as batch_op:
        batch_op.add_column(sa.Column("permits", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("base_key", sa.String(length=200), nullable=True))
        batch_op.add_column(sa.Column("task", sa.String(length=8), nullable=True))
        batch_op.add_column(sa.Column("maturity", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("fold_key", sa.String(length=64), nullable=True))
        batch_op.create_index(batch_op.f("ix_library_entries_fold_key"), ["fold_key"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("library_entries", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_library_entries_fold_key"))
        batch_op.drop_column("fold_key")
        batch_op.drop_column("maturity")
        batch_op.drop_column("task")
        batch_op.drop_column("base_key")
        batch_op.drop_column("permits")
