"""card of an entry

Revision ID: 000000000010
Revises: 000000000009
Create Date: 2026-11-27 01:12:40.120381
"""

import sqlalchemy as sa
from alembic import op

revision: str = "000000000010"
down_revision: str | None = "000000000009"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    with op.batch_alter_table("library_entries", schema=None) as batch_op:
        batch_op.add_column(sa.Column("card_oid", sa.String(length=40), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("library_entries", schema=None) as batch_op:
        batch_op.drop_column("card_oid")
