"""A worker with handlers made for tests: `worker_process.py local|celery DATABASE_URL FOLDER`.

What a handler does outside the database it writes to FOLDER/log, so a test can see every run.
"""

import os
import sys
import time
from pathlib import Path

from sqlalchemy import text

from lorahub_server.jobs import handler, runner
from lorahub_server.kit.db import Database
from lorahub_server.storage import open_store

MODE, URL, FOLDER = sys.argv[1], sys.argv[2], Path(sys.argv[3])


def log(line: str) -> None:
    with (FOLDER / "log").open("a") as out:
        out.write(f"{os.getpid()} {line}\n")


def effect_of(name: str):
    def effect(session) -> None:
        session.execute(text("INSERT INTO effects VALUES (:name)"), {"name": name})

    return effect


@handler("quick")
def quick(ctx, args):
    log(f"quick {args['n']}")
    return effect_of(f"{args['n']:03d}")


@handler("slow", lease_s=1.0)
def slow(ctx, args):
    """Hang on the first attempt, in small steps; be quick on the next."""
    log(f"slow {ctx.attempt}")
    until = time.monotonic() + (60 if ctx.attempt == 1 else 0)
    while time.monotonic() < until:
        if args.get("reports", True):
            ctx.progress(1, 2, "half way")
        time.sleep(0.05)
    return effect_of("slow")


@handler("suicide", max_attempts=2, lease_s=0.5)
def suicide(ctx, args):
    log("suicide")
    os._exit(9)


@handler("frozen", lease_s=1.0)
def frozen(ctx, args):
    log(f"frozen {ctx.attempt}")
    if ctx.attempt == 1:
        time.sleep(2.0)
    return effect_of(f"frozen {ctx.attempt}")


@handler("hung", max_attempts=1, lease_s=0.5, max_run_s=1.0)
def hung(ctx, args):
    log("hung")
    time.sleep(60)


def main() -> None:
    db, store = Database(URL), open_store(f"file://{FOLDER}/objects")
    if MODE == "local":
        from lorahub_worker.loop import run_until_stopped

        run_until_stopped(db, store, FOLDER / "run", ["cpu"])
        return
    from lorahub_server.jobs.celery_app import TASK, make_app

    app = make_app(os.environ["BROKER"])
    runtime = runner.Runtime(db, store)

    def run(job_id: int) -> None:
        log(f"message {job_id}")
        runner.run(runtime, ("cpu",), job_id)

    app.task(run, name=TASK, ignore_result=True)
    app.worker_main(["worker", "-Q", "cpu", "-P", "solo", "--loglevel=WARNING"])


main()
