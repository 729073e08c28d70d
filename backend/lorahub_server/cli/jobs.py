"""`lorahub-server jobs list|retry|cancel`."""

import json

import click

from lorahub_server.cli.common import load_settings, open_database, plain_errors, use_carrier
from lorahub_server.insight.service import note_retry
from lorahub_server.jobs import Job, State, cancel, list_jobs, parked_ids, retry
from lorahub_server.kit.db import Database


@click.group("jobs")
def command() -> None:
    """Look at jobs; try them again or cancel them."""


def _database() -> Database:
    settings = load_settings()
    use_carrier(settings)
    return open_database(settings)


@command.command("list")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([str(state) for state in State]),
    help="Only jobs in this state; may be given more than once.",
)
@click.option("--kind", help="Only jobs of this kind.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, with all details.")
def list_command(states: tuple[str, ...], kind: str | None, limit: int, as_json: bool) -> None:
    """Show jobs, newest first."""
    with plain_errors(), _database().read() as session:
        jobs = list_jobs(session, states=states, kind=kind, limit=limit)
        for job in jobs:
            click.echo(_as_json(job) if as_json else _as_line(job))
    if not jobs:
        click.echo("There are no such jobs.", err=True)


def _as_json(job: Job) -> str:
    more = {"queue": job.queue, "args": job.args, "worker": job.worker, "detail": job.error_detail}
    return json.dumps({**job.to_dict(), **more}, ensure_ascii=False)


def _as_line(job: Job) -> str:
    line = f"{job.id:>8}  {job.state:<9}  {job.kind:<12}  attempts {job.attempts}"
    if job.state == State.RUNNING and job.progress:
        line += f"  {_share(job.progress)}"
    if job.error_code is not None:
        line += f"  {job.error_code}: {job.error_message}"
    return line


def _share(progress: dict[str, object]) -> str:
    done, total = progress.get("done"), progress.get("total")
    share = f"{done}/{total}" if total is not None else str(done)
    return f"{share} {progress.get('note') or ''}".rstrip()


@command.command("retry")
@click.argument("job_ids", metavar="ID...", type=int, nargs=-1)
@click.option("--all-parked", is_flag=True, help="Every parked job.")
def retry_command(job_ids: tuple[int, ...], all_parked: bool) -> None:
    """Queue parked or cancelled jobs again."""
    if bool(job_ids) == all_parked:
        raise click.UsageError("Name the jobs, or give --all-parked.")
    db = _database()
    failed = 0
    if all_parked:
        with plain_errors(), db.read() as session:
            job_ids = tuple(parked_ids(session))
    for job_id in job_ids:
        try:
            with plain_errors(), db.write() as session:
                note_retry(session, retry(session, job_id))
        except click.ClickException as error:
            error.show()
            failed += 1
        else:
            click.echo(f"Job {job_id} is queued.", err=True)
    if failed:
        raise click.exceptions.Exit(1)
    if not job_ids:
        click.echo("There are no parked jobs.", err=True)


@command.command("cancel")
@click.argument("job_id", metavar="ID", type=int)
def cancel_command(job_id: int) -> None:
    """Cancel a job; one that runs is dropped at its next report of progress."""
    with plain_errors(), _database().write() as session:
        cancel(session, job_id)
    click.echo(f"Job {job_id} is cancelled.", err=True)
