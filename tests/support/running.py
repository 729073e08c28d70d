"""Doing owed jobs in the test's own process, one after the other."""

from lorahub_server.jobs.runner import Outcome, Runtime, run
from lorahub_server.kit.db import Database
from lorahub_server.storage import ObjectStore
from lorahub_worker import tasks


def run_jobs(db: Database, store: ObjectStore, queue: str = "cpu") -> list[Outcome]:
    """Do all jobs of a queue that are due; return how each ended."""
    tasks.load(frozenset({queue}))
    runtime = Runtime(db, store)
    outcomes = []
    while (outcome := run(runtime, [queue])) is not Outcome.NOTHING:
        outcomes.append(outcome)
    return outcomes
