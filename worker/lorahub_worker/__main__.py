"""`python -m lorahub_worker`: a job worker of the embedded hub."""

import argparse
import sys

from lorahub_server.cli.common import load_settings, open_database, use_carrier
from lorahub_server.storage import open_store
from lorahub_worker import tasks
from lorahub_worker.loop import run_until_stopped


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m lorahub_worker", description=__doc__)
    parser.add_argument(
        "--queue",
        action="append",
        choices=["cpu", "gpu"],
        help="take jobs of this queue; may be given twice (default: cpu)",
    )
    queues = sorted(set(parser.parse_args(arguments).queue or ["cpu"]))
    settings = load_settings()
    use_carrier(settings)
    run_dir = settings.data / "run"
    run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    tasks.load(frozenset(queues))
    database, store = open_database(settings), open_store(settings.store_url)
    if "gpu" not in queues:
        run_until_stopped(database, store, run_dir, queues)
        return 0
    from lorahub_worker.advertising import Advertising
    from lorahub_worker.bases import Absent

    advertising = Advertising(database)
    advertising.start()
    try:
        run_until_stopped(database, store, run_dir, queues, Absent(database))
    finally:
        advertising.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
