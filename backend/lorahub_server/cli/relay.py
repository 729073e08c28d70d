"""`lorahub-server relay`: brings due jobs to the broker."""

import signal
import threading

import click

from lorahub_server.cli.common import load_settings, open_database


@click.command("relay")
def command() -> None:
    """Send due jobs to the broker until Ctrl-C. One is enough; two do no harm."""
    settings = load_settings()
    if settings.carrier != "celery" or not settings.redis_url:
        raise click.ClickException(
            "There is nothing to relay: set LORAHUB_CARRIER=celery and LORAHUB_REDIS_URL."
        )
    from lorahub_server.jobs.celery_app import make_app
    from lorahub_server.jobs.relay import relay

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    relay(open_database(settings), make_app(settings.redis_url, hasty=True), stop)
