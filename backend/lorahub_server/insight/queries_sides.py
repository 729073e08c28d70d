"""SQL of adapter files that are compared: all that is known of them, in one statement."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, select, tuple_
from sqlalchemy.orm import Session

from lorahub_server.access import Caller
from lorahub_server.blobs.queries import is_usable
from lorahub_server.blobs.tables import Blob
from lorahub_server.insight.likeness.tables import Likeness
from lorahub_server.insight.reports.tables import InspectionReport
from lorahub_server.insight.states import dedup_key
from lorahub_server.insight.tables import Inspection
from lorahub_server.jobs.tables import IS_UNFINISHED_JOB, Job


def sides(
    session: Session, caller: Caller, shas: Collection[str], pairs: Sequence[tuple[str, str]]
) -> Sequence[Any]:
    """Return rows of Blob, Inspection, the report's bytes, Likeness, and the Job that inspects.

    Of files that the caller may have; reports and likenesses of `pairs` alone. A file that is in
    several of these has several rows.
    """
    among = sorted({sha256 for pair in pairs for sha256 in pair})
    return session.execute(
        select(Blob, Inspection, InspectionReport.data, Likeness, Job)
        .outerjoin(Inspection, Inspection.sha256 == Blob.sha256)
        .outerjoin(
            InspectionReport,
            and_(InspectionReport.sha256 == Blob.sha256, InspectionReport.sha256.in_(among)),
        )
        .outerjoin(
            Likeness,
            and_(
                Likeness.sha256 == Blob.sha256,
                tuple_(Likeness.sha256, Likeness.other).in_(pairs),
            ),
        )
        .outerjoin(Job, is_inspecting(Blob.sha256))
        .where(is_usable(session, caller, shas))
    ).all()


def is_inspecting(sha256: Any) -> ColumnElement[bool]:
    """Return the condition that a Job is owed that inspects a file, beside its Inspection.

    Of a file whose inspection is done, nothing that jobs do is told.
    """
    return and_(
        Job.dedup == literal(dedup_key("")) + sha256,
        IS_UNFINISHED_JOB,
        func.coalesce(Inspection.state, "") != "done",
    )
