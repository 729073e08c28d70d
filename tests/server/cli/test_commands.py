"""The commands that look after a hub."""

import json

import pytest

from lorahub_server.cli.config import hide
from lorahub_server.jobs import enqueue
from lorahub_server.kit.db import Database


def owe(hub, kind: str = "of-a-test") -> int:
    db = Database(f"sqlite:///{next(hub.data.glob('*.db'))}")
    with db.write() as session:
        job_id = enqueue(session, kind, {"a": 1}).id
    db.engine.dispose()
    return job_id


def test_accounts_add_prints_a_token_for_scripts(migrated) -> None:
    done = migrated.run(
        "accounts",
        "add",
        "alice",
        "--password-stdin",
        "--admin",
        "--token",
        given="correct-horse-9\n",
    )
    assert done.returncode == 0, done.stderr
    token = done.stdout.splitlines()[-1]
    assert done.stdout.strip() == token
    assert token.startswith("lh_")
    assert token not in done.stderr
    again = migrated.run("accounts", "add", "Alice", "--password-stdin", given="correct-horse-9\n")
    assert again.returncode == 1
    assert "is taken" in again.stderr
    assert again.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "given", "says"),
    [
        (("a..b", "--password-stdin"), "correct-horse-9\n", "choose another"),
        (("bob", "--password-stdin"), "x\n", "password"),
        (("bob", "--password-stdin"), "", "password"),
        (("bob",), "", "--password-stdin"),
    ],
)
def test_accounts_add_refuses_with_a_sentence(migrated, arguments, given, says) -> None:
    done = migrated.run("accounts", "add", *arguments, given=given)
    assert done.returncode in (1, 2)
    assert says in done.stderr.lower()
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_jobs_are_listed_cancelled_and_tried_again(migrated) -> None:
    job_id = owe(migrated)
    (job,) = migrated.jobs()
    assert (job["id"], job["state"], job["args"]) == (job_id, "queued", {"a": 1})
    assert str(job_id) in migrated.run("jobs", "list").stdout
    assert migrated.jobs("--state", "parked") == []
    assert migrated.run("jobs", "cancel", str(job_id)).returncode == 0
    assert migrated.jobs("--state", "cancelled")[0]["id"] == job_id
    done = migrated.run("jobs", "retry", str(job_id), "4711")
    assert done.returncode == 1
    assert f"Job {job_id} is queued." in done.stderr
    assert "There is no job 4711" in done.stderr
    assert migrated.jobs()[0]["state"] == "queued"


def test_retry_of_all_parked(migrated) -> None:
    db = Database(f"sqlite:///{next(migrated.data.glob('*.db'))}")
    ids = [owe(migrated) for _ in range(3)]
    with db.write() as session:
        session.connection().exec_driver_sql("UPDATE jobs SET state='parked', due_at=NULL")
    db.engine.dispose()
    assert migrated.run("jobs", "retry", "--all-parked").returncode == 0
    assert [job["state"] for job in migrated.jobs()] == ["queued"] * len(ids)
    done = migrated.run("jobs", "retry", "--all-parked")
    assert done.returncode == 0
    assert "no parked jobs" in done.stderr
    for wrong in ((), ("1", "--all-parked")):
        assert migrated.run("jobs", "retry", *wrong).returncode == 2


@pytest.mark.parametrize(
    "command", [("jobs", "list"), ("accounts", "add", "al", "--password-stdin")]
)
def test_without_tables_the_next_step_is_named(hub, command) -> None:
    hub.data.mkdir()
    done = hub.run(*command, given="correct-horse-9\n")
    assert done.returncode == 1
    assert "lorahub-server migrate" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("LORAHUB_PORT", "many", "LORAHUB_PORT"),
        ("LORAHUB_CARRIER", "pigeon", "LORAHUB_CARRIER"),
    ],
)
def test_a_wrong_setting_is_named(migrated, name, value, says) -> None:
    migrated.env[name] = value
    done = migrated.run("jobs", "list")
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_relay_without_a_broker_to_relay_to(migrated) -> None:
    done = migrated.run("relay")
    assert done.returncode == 1
    assert "LORAHUB_REDIS_URL" in done.stderr


def test_config_hides_secrets(hub) -> None:
    hub.env["LORAHUB_DATABASE_URL"] = "postgresql+psycopg://hub:hunter2@db:5432/hub"
    hub.env["LORAHUB_REDIS_URL"] = "redis://:hunter3@cache:6379/0"
    done = hub.run("config")
    assert done.returncode == 0, done.stderr
    assert "hunter" not in done.stdout
    assert "@db:5432/hub" in done.stdout
    shown = json.loads(hub.run("config", "--json").stdout)
    assert shown["data"] == str(hub.data)
    assert hide("s3_secret_key", "x") == "(hidden)"
    assert hide("secret", None) is None


def test_migrate_twice(migrated) -> None:
    assert migrated.run("migrate").returncode == 0
    assert migrated.run("jobs", "list").returncode == 0


def test_the_overview_imports_no_command(hub) -> None:
    assert "serve" in hub.run("--help").stdout
    assert hub.run("no-such-command").returncode == 2
