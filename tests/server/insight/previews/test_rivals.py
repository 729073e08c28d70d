"""Owners, planning and workers at the same repository at the same time, on PostgreSQL."""

import random
import threading
from pathlib import Path

import pytest
from sqlalchemy import select

from lorahub_server.insight.previews import jobs as owed
from lorahub_server.insight.previews import service as previews
from lorahub_server.jobs.tables import Job
from lorahub_server.repos import service as repos
from support.galleries import add_base, hold_base, pretend, publish, render_jobs, renders
from support.inside import Inside
from support.postgres import Postgres
from support.running import run_jobs


@pytest.fixture
def hub(postgres: Postgres, tmp_path: Path):
    url = postgres.create()
    made = Inside(url, f"file://{tmp_path}/objects", tmp_path)
    add_base(made)
    hold_base(made)
    yield made
    made.close()
    postgres.drop(url)


@pytest.mark.slow
def test_nobody_waits_in_a_circle_and_the_last_word_counts(hub):
    publish(hub)
    publish(hub, "copy")
    errors: list[BaseException] = []

    def repeat(act) -> None:
        try:
            for number in range(8):
                act(number)
        except BaseException as error:
            errors.append(error)

    def change(verb, *args, name="style", **more):
        with hub.tx() as tx:
            verb(tx, repos.get_repo_for_write(tx, "alice", name), *args, **more)

    chance = random.Random(3)

    def prompts(number):
        change(previews.set_prompts, [{"prompt": f"a red ring {number}"}])

    def cards(number):
        text = f"---\ninstance_prompt: star{number}\n---\n"
        hub.commit({"README.md": text.encode()}, chance.choice(["style", "copy"]))

    def covers(_number):
        change(previews.choose_cover, None)
        change(previews.render_again)

    def family(_number):
        with hub.tx() as tx:
            owed.owe_family(tx.session, "shapes")

    acts = [prompts, cards, covers, family, lambda _: run_jobs(hub.db, hub.store),
            lambda _: run_jobs(hub.db, hub.store), lambda _: pretend(hub, end=False)]  # fmt: skip
    threads = [threading.Thread(target=repeat, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert errors == []
    with hub.look() as tx:
        assert set(tx.session.scalars(select(Job.error_code))) == {None}
    run_jobs(hub.db, hub.store)
    with hub.look() as tx:
        found = previews.gallery(tx, repos.get_repo(tx, "alice", "style"))
    assert [one.prompt for one in found.samples] == ["a red ring 7"]
    # At most the one job that the last plan needs is still owed.
    assert len([job for job in render_jobs(hub, "queued") if job.repo_id == 1]) <= 1
    pretend(hub)
    assert {one.state for one in renders(hub).values()} == {"done"}
