"""`lorahub-server worker`: a job worker in this terminal, of the kind the carrier needs."""

import os
import sys

import click

from lorahub_server.cli.common import load_settings


@click.command("worker")
@click.option(
    "--queue",
    "queues",
    multiple=True,
    default=("cpu",),
    show_default=True,
    type=click.Choice(["cpu", "gpu"]),
    help="Take jobs of this queue; may be given twice.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="Processes of a Celery worker.",
)
def command(queues: tuple[str, ...], concurrency: int) -> None:
    """Run a job worker in this terminal. Ctrl-C ends it."""
    settings = load_settings()
    module, arguments = "lorahub_worker", [f"--queue={queue}" for queue in queues]
    if settings.carrier == "celery":
        names = ",".join(sorted(set(queues)))
        os.environ["LORAHUB_QUEUES"] = names
        module = "celery"
        arguments = ["-A", "lorahub_worker.app", "worker", "-Q", names]
        arguments += ["--loglevel=WARNING", f"--concurrency={concurrency}"]
        arguments += ["--without-gossip", "--without-mingle"]
        if "gpu" in queues:
            # CUDA does not survive a fork, and what is warm is kept by one process.
            arguments += ["--pool=solo"]
    # This process becomes the worker, so that signals and the exit code are the worker's.
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])
