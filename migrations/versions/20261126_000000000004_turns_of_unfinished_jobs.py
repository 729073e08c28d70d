"""Look for whose turn it is among unfinished jobs alone."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "000000000004"
down_revision: str | None = "000000000003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_COLUMNS = {
    "ix_jobs_turn": ["urgent", "account_id", "due_at"],
    "ix_jobs_turn_of_lane": ["urgent", "account_id", "lane", "due_at"],
}


def upgrade() -> None:
    _make("queue = 'gpu' AND state IN ('queued', 'running')")


def downgrade() -> None:
    _make("queue = 'gpu' AND due_at IS NOT NULL")


def _make(condition: str) -> None:
    for name, columns in _COLUMNS.items():
        op.drop_index(name, table_name="jobs")
        op.create_index(
            name,
            "jobs",
            columns,
            sqlite_where=sa.text(condition),
            postgresql_where=sa.text(condition),
        )
