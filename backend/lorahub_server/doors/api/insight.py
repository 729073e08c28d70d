"""What the hub found out about adapter files, and the work it still owes."""

from dataclasses import asdict
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, RootModel

from lorahub_server import jobs
from lorahub_server.doors.api import examples
from lorahub_server.doors.deps import ReadTx, WriteTx
from lorahub_server.doors.schemas import FilePath, Owner, RepoName, Revision, RowId, example
from lorahub_server.insight import service as insight
from lorahub_server.insight.likeness import service as likeness
from lorahub_server.insight.reports import service as reports
from lorahub_server.library import service as library
from lorahub_server.repos import lookup, refs, service

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


class LikenessOut(BaseModel):
    model_config = example(
        {
            "sha256": examples.SHA256,
            "kind": "resized",
            "cosine": 0.991,
            "ratio": 0.99,
            "repo": "bob/another-style",
            "is_older": True,
        }
    )

    sha256: str = Field(description="The file of this repository.")
    kind: str = Field(
        description="`bytes`, `tensors` (the same numbers under another header), `same` (in "
        "another layout, dtype or rank), `scaled`, `resized`, `near`, `related`, or `part`: the "
        "other is a part of this one, which is a merge."
    )
    cosine: float
    ratio: float = Field(description="The other's strength over this one's; the weight of a part.")
    repo: str
    is_older: bool = Field(description="Whether the other repository is the older one.")


class LikenessList(BaseModel):
    items: list[LikenessOut]


class Report(RootModel[dict[str, Any]]):
    """The schema is `inspection.schema.json` of the package lorahub.adapters."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "version": 1,
                "layout": "kohya",
                "method": "lora",
                "rank": 16,
                "strength": {"frobenius": 31.9, "effective_rank": 11.0, "modules": 560},
                "warnings": [],
                "modules": [{"name": "lora_unet_mid_block_0", "rank": 16, "frobenius": 0.42}],
            }
        }
    )


@router.get("/report/{revision}/{path:path}", summary="Show everything known of an adapter file")
def show_report(
    tx: ReadTx, owner: Owner, name: RepoName, revision: Revision, path: FilePath
) -> Report:
    """The object that `lorahub inspect --json` prints: modules, norms, singular values, warnings.

    There is none until the file is inspected (`report_not_found`).
    """
    repo = service.get_repo(tx, owner, name)
    found = lookup.find(tx, repo, revision, path)
    report = reports.get(tx.session, found.entry.sha256 or "")
    if report is None:
        raise reports.ReportNotFound(path)
    return Report(report)


@router.get("/likenesses", summary="Show which other repositories have such adapter files")
def list_likenesses(tx: ReadTx, owner: Owner, name: RepoName) -> LikenessList:
    """Of the default branch's files. Everybody is told what is the same; who may write here is also
    told what is only similar, which proves nothing.
    """
    repo = service.get_repo(tx, owner, name)
    shas = library.adapter_shas(tx, repo)
    found = likeness.matches(tx, repo, shas)
    return LikenessList(items=[LikenessOut.model_validate(asdict(one)) for one in found])


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
    job = jobs.retry(tx.session, job_id)
    insight.note_retry(tx.session, job)
    return JobOut.model_validate(job.to_dict())
