"""SQL of reports."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from lorahub_server.insight.reports.tables import InspectionReport


def put(session: Session, sha256: str, version: int, data: bytes) -> None:
    row = session.get(InspectionReport, sha256, with_for_update=True, populate_existing=True)
    if row is None:
        session.add(InspectionReport(sha256=sha256, version=version, data=data))
    else:
        row.version, row.data = version, data
    session.flush()


def get(session: Session, sha256: str) -> bytes | None:
    return session.scalar(select(InspectionReport.data).where(InspectionReport.sha256 == sha256))
