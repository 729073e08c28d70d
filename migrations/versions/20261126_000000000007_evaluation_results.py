"""Keep evaluation results in rows, so that pages can compare them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "000000000007"
down_revision: str | None = "000000000006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "evaluation_results",
        sa.Column("repo_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("base", sa.String(length=200), nullable=True),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("low", sa.Double(), nullable=True),
        sa.Column("high", sa.Double(), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repo_id"],
            ["repositories.id"],
            name=op.f("fk_evaluation_results_repo_id_repositories"),
        ),
        sa.PrimaryKeyConstraint("repo_id", "place", name=op.f("pk_evaluation_results")),
    )
    op.create_index(
        "ix_evaluation_results_key", "evaluation_results", ["key", "base", "repo_id"], unique=False
    )


def downgrade() -> None:
    op.drop_index("ix_evaluation_results_key", table_name="evaluation_results")
    op.drop_table("evaluation_results")
