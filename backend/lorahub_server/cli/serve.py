"""`lorahub-server serve`: one command, the whole hub."""

import errno
import fcntl
import os
import signal
import socket
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import click

from lorahub_server.cli.common import load_settings, open_database, plain_errors
from lorahub_server.cli.greeting import greeting
from lorahub_server.cli.migrate import migrate
from lorahub_server.cli.supervise import Child, Children
from lorahub_server.config import Settings
from lorahub_server.jobs import end_leases
from lorahub_server.storage import open_store

# How long open transfers may go on: after Ctrl-C somebody waits, after SIGTERM nobody does.
_PATIENCE_S = {signal.SIGINT: 3.0, signal.SIGTERM: 20.0}
_BACKLOG = 2048


@click.command("serve")
@click.option("--host", metavar="ADDRESS", help="Address to listen on [LORAHUB_HOST].")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on [LORAHUB_PORT].")
@click.option(
    "--workers-of-web",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Web server processes.",
)
@click.option(
    "--job-workers",
    type=click.IntRange(0, 64),
    help="Job worker processes [LORAHUB_WORKERS]; none with LORAHUB_CARRIER=celery.",
)
@click.option(
    "--gpu-workers",
    type=click.IntRange(0, 64),
    help="Worker processes that render previews, on a GPU or not [LORAHUB_GPU_WORKERS].",
)
@click.option("--no-migrate", is_flag=True, help="Leave the database's shape as it is.")
def command(
    host: str | None,
    port: int | None,
    workers_of_web: int,
    job_workers: int | None,
    gpu_workers: int | None,
    no_migrate: bool,
) -> None:
    """Run the hub: web server and job workers. Ctrl-C ends everything."""
    settings = load_settings(host=host, port=port, workers=job_workers, gpu_workers=gpu_workers)
    lock = _prepare_data(settings.data)
    with lock, plain_errors():
        settings.secret_key()
        open_store(settings.store_url)
        if not no_migrate:
            migrate(settings)
        _take_over_jobs(settings)
        listener = listen(settings.host, settings.port)
        with listener:
            children = Children(_children(settings, listener, workers_of_web))
            for number, patience_s in _PATIENCE_S.items():
                signal.signal(number, lambda *_, patience_s=patience_s: children.end(patience_s))
            # The address as bound: port 0 asks the system for a free one.
            bound = int(listener.getsockname()[1])
            code = children.run(when_ready=lambda: click.echo(greeting(settings, bound), err=True))
    if code:
        raise click.ClickException("The hub could not start; the reason is in the lines above.")
    click.echo("The hub has ended.", err=True)
    sys.exit(0)


def _children(settings: Settings, listener: socket.socket, web: int) -> list[Child]:
    # What was given as an option reaches the children as the variable it stands for.
    os.environ["LORAHUB_HOST"] = settings.host
    os.environ["LORAHUB_PORT"] = str(listener.getsockname()[1])
    fd = listener.fileno()
    children = [
        Child(f"web-{n}", ["lorahub_server.cli.web", str(fd)], [fd]) for n in range(1, web + 1)
    ]
    if settings.carrier == "local":
        children += [
            Child(f"jobs-{n}", ["lorahub_worker", "--queue", "cpu"])
            for n in range(1, settings.workers + 1)
        ]
        children += [
            Child(f"gpu-{n}", ["lorahub_worker", "--queue", "gpu"])
            for n in range(1, _gpu_workers(settings) + 1)
        ]
    return children


def _gpu_workers(settings: Settings) -> int:
    """Return how many workers render: what was said, else one where the engines can be loaded."""
    if settings.gpu_workers is not None:
        return settings.gpu_workers
    return int(all(find_spec(name) for name in ("torch", "diffusers")))


def _take_over_jobs(settings: Settings) -> None:
    """Spare jobs of a hub that was killed the wait for their leases to end.

    Only with SQLite, which nobody else uses: the lock on the folder says its workers are gone.
    """
    database = open_database(settings)
    if settings.carrier == "local" and database.engine.dialect.name == "sqlite":
        with database.write() as session:
            end_leases(session)
    database.engine.dispose()


def _prepare_data(data: Path) -> IO[str]:
    """Make the data folder and lock it, so that no two servers work in it."""
    try:
        for folder in (data, data / "run"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (data / "serve.lock").open("a+")
    except OSError as error:
        raise click.ClickException(
            f"The data folder {data} cannot be used: {error.strerror}. "
            "Set LORAHUB_DATA to a folder of yours."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise click.ClickException(
            f"A hub (process {holder}) already works in {data}. "
            "End it, or set LORAHUB_DATA to another folder."
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises a ClickException that says what to do."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        with suppress(OSError):
            listener.close()
        if error.errno == errno.EADDRINUSE:
            says = (
                f"Port {port} on {host} is in use. End the program that has it, "
                "or choose another with --port or LORAHUB_PORT."
            )
        elif error.errno == errno.EACCES:
            says = f"Port {port} needs rights this user lacks; choose one above 1023 with --port."
        else:
            says = f"The hub cannot listen on {host} port {port}: {error.strerror or error}."
        raise click.ClickException(says) from error
    return listener
