"""The jobs table: the truth about what work is owed, whichever carrier brings it to a worker."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer, String, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column

from lorahub_server.kit.clock import now
from lorahub_server.kit.db import Base, UtcDateTime


class State(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    PARKED = "parked"
    CANCELLED = "cancelled"


UNFINISHED = (State.QUEUED, State.RUNNING)
# Text, not parameters: PostgreSQL matches it with the index literally.
IS_UNFINISHED = text("state IN ('queued', 'running')")
# The same beside other tables that have a state.
IS_UNFINISHED_JOB = text("jobs.state IN ('queued', 'running')")
_IS_DUE_SOME_TIME = text("due_at IS NOT NULL")
# Says nothing of `due_at`, or SQLite could take the index of all queues for what needs this one's.
IS_LONG_AND_UNFINISHED = text("queue = 'gpu' AND state IN ('queued', 'running')")
IS_LONG_AND_FINISHED = text("queue = 'gpu' AND finished_at IS NOT NULL")


class Job(Base):
    __tablename__ = "jobs"
    __table_args__ = (
        Index(
            "uq_jobs_dedup_unfinished",
            "dedup",
            unique=True,
            sqlite_where=IS_UNFINISHED,
            postgresql_where=IS_UNFINISHED,
        ),
        Index(
            "ix_jobs_queue_due_at",
            "queue",
            "due_at",
            sqlite_where=_IS_DUE_SOME_TIME,
            postgresql_where=_IS_DUE_SOME_TIME,
        ),
        Index("ix_jobs_state_id", "state", "id"),
        # For whose turn it is on the queue of long work; see queries_fair.
        Index(
            "ix_jobs_turn",
            "urgent",
            "account_id",
            "due_at",
            sqlite_where=IS_LONG_AND_UNFINISHED,
            postgresql_where=IS_LONG_AND_UNFINISHED,
        ),
        Index(
            "ix_jobs_turn_of_lane",
            "urgent",
            "account_id",
            "lane",
            "due_at",
            sqlite_where=IS_LONG_AND_UNFINISHED,
            postgresql_where=IS_LONG_AND_UNFINISHED,
        ),
        Index(
            "ix_jobs_long_finished_at",
            "finished_at",
            sqlite_where=IS_LONG_AND_FINISHED,
            postgresql_where=IS_LONG_AND_FINISHED,
        ),
    )

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    kind: Mapped[str] = mapped_column(String(64))
    queue: Mapped[str] = mapped_column(String(16))
    # What a worker has warm for it, such as a base model: such jobs are taken together.
    lane: Mapped[str | None] = mapped_column(String(64), default=None)
    # Somebody waits in front of the page: taken before what the hub does by itself.
    urgent: Mapped[bool] = mapped_column(default=False, server_default=false())
    args: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(16), default=State.QUEUED)
    dedup: Mapped[str | None] = mapped_column(String(200), default=None)
    # Plain numbers: the subjects above own these rows, and a job may outlive them.
    repo_id: Mapped[int | None] = mapped_column(BigInteger, index=True, default=None)
    account_id: Mapped[int | None] = mapped_column(BigInteger, index=True, default=None)

    attempts: Mapped[int] = mapped_column(Integer, default=0)
    # When a worker should next look: a queued job may start then, a running one's lease has ended
    # then and another worker takes it. NULL once the job is finished.
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    # Names the one attempt that may write the outcome; replaced at every claim.
    lease: Mapped[str | None] = mapped_column(String(32), default=None)
    worker: Mapped[str | None] = mapped_column(String(100), default=None)
    # When the relay last gave the id to the broker; NULL: not since the job last became due.
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)

    progress: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True), default=None)
    error_code: Mapped[str | None] = mapped_column(String(64), default=None)
    error_message: Mapped[str | None] = mapped_column(Text, default=None)
    # For the operator only: may name files and addresses of the machine.
    error_detail: Mapped[str | None] = mapped_column(Text, default=None)

    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)

    def to_dict(self) -> dict[str, Any]:
        """Return what the API shows of a job (times as ISO-8601 UTC with `Z`)."""
        error = None
        if self.error_code is not None:
            error = {"code": self.error_code, "message": self.error_message}
        return {
            "id": self.id,
            "kind": self.kind,
            "state": str(self.state),
            "attempts": self.attempts,
            "progress": self.progress,
            "error": error,
            "created_at": _iso(self.created_at),
            "finished_at": _iso(self.finished_at),
        }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")
