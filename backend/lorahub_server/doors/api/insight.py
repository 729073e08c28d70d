"""What the hub found out about adapter files, and the work it still owes."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel

from lorahub_server import jobs
from lorahub_server.doors.api import examples
from lorahub_server.doors.deps import ReadTx, WriteTx
from lorahub_server.doors.schemas import Owner, RepoName, Revision, RowId, example
from lorahub_server.library import service as library
from lorahub_server.repos import refs, service

router = APIRouter(prefix="/repos/{owner}/{name}", tags=["inspections and jobs"])


class Problem(BaseModel):
    code: str
    message: str


class InspectionOut(BaseModel):
    model_config = example(
        {
            "path": examples.FILE,
            "sha256": examples.SHA256,
            "state": "done",
            "progress": None,
            "error": None,
            "summary": examples.SUMMARY,
            "health": {"status": "ok"},
            "hashes": {"SHA256": examples.SHA256, "AutoV2": examples.SHA256[:10]},
        }
    )

    path: str
    sha256: str
    state: Literal["waiting", "running", "done", "failed"]
    progress: dict[str, Any] | None
    error: Problem | None
    summary: dict[str, Any]
    health: dict[str, Any] | None
    hashes: dict[str, str] | None


class InspectionList(BaseModel):
    items: list[InspectionOut]


class JobOut(BaseModel):
    model_config = example(examples.JOB)

    id: int
    kind: str
    state: str
    attempts: int
    progress: dict[str, Any] | None
    error: Problem | None
    created_at: str
    finished_at: str | None


class JobList(BaseModel):
    items: list[JobOut]
    next: str | None = None


@router.get("/inspections/{revision}", summary="Show what is known of the adapter files")
def list_inspections(
    tx: ReadTx, owner: Owner, name: RepoName, revision: Revision
) -> InspectionList:
    """`summary` is there at once, from the header; `health` and `hashes` after the inspection."""
    repo = service.get_repo(tx, owner, name)
    oid = refs.resolve(tx, repo, revision)
    found = library.adapters_at(tx, repo, oid)
    fields = InspectionOut.model_fields
    return InspectionList(
        items=[
            InspectionOut.model_validate({field: getattr(one, field) for field in fields})
            for one in found
        ]
    )


@router.get("/jobs", summary="List the jobs of a repository")
def list_jobs(tx: ReadTx, owner: Owner, name: RepoName) -> JobList:
    """For those who may write to it. The newest first."""
    repo = service.get_repo_for_write(tx, owner, name)
    found = jobs.jobs_of_repo(tx.session, repo.id)
    return JobList(items=[JobOut.model_validate(job.to_dict()) for job in found])


@router.post("/jobs/{job_id}/retry", summary="Try a job again")
def retry_job(tx: WriteTx, owner: Owner, name: RepoName, job_id: RowId) -> JobOut:
    """One that failed for good (`parked`) or was cancelled."""
    repo = service.get_repo_for_write(tx, owner, name)
    if jobs.get_job(tx.session, job_id).repo_id != repo.id:
        raise jobs.JobNotFound("The repository has no such job. Load the list again.")
    return JobOut.model_validate(jobs.retry(tx.session, job_id).to_dict())
