"""`lorahub-server bases`, as a process on a hub's data."""

from collections.abc import Callable

import pytest

from lorahub_server.insight.bases import service
from lorahub_server.kit.db import Database

DIGEST = "abcdef0123" + "d" * 54


@pytest.fixture
def bases(migrated) -> Callable[..., str]:
    """Run one of the commands; return what it printed, or what it said where it refuses."""

    def run(*arguments: str, code: int = 0) -> str:
        done = migrated.run("bases", *arguments)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout or done.stderr

    return run


def add(bases: Callable[..., str], name: str = "sd15", *more: str, code: int = 0) -> str:
    return bases("add", name, "--family", "sd1", "--source", f"/models/{name}", *more, code=code)


def hold(hub, base_id: str) -> None:
    db = Database(f"sqlite:///{hub.data}/hub.db")
    with db.write() as session:
        told = {"digest": DIGEST, "device": "cuda NVIDIA L4", "dtype": "fp16"}
        assert service.advertise(session, base_id, "studio:7", **told)
    db.engine.dispose()


def test_a_base_is_added_listed_checked_and_removed(hub, bases):
    assert bases("list") == ""
    bases("check")
    assert "family sd1 with sd15" in add(bases, "sd15", "--title", "Stable Diffusion 1.5")
    (line,) = bases("list").splitlines()
    assert line.split() == ["sd15", "sd1", "nobody", "has", "it", "/models/sd15"]
    said = bases("check", code=1)
    assert "sd15: Stable Diffusion 1.5, for sd1" in said
    assert "no worker holds it" in said

    hold(hub, "sd15")
    said = bases("check")
    assert "studio:7  cuda NVIDIA L4  fp16  weights abcdef0123" in said
    assert "no worker" not in said
    assert "1 worker " in bases("list")

    assert "gone from the registry" in bases("remove", "sd15")
    assert bases("list") == ""


def test_a_repository_of_another_hub_is_shown_with_its_address(bases):
    source = "https://models.example/owner/name"
    bases("add", "far", "--family", "llama", "--source", source)
    assert source in bases("list")


def test_what_is_wrong_is_said_in_one_line(bases):
    wrong = {
        ("--family", "sdxxl"): "--family is not right: there is no such family",
        ("--source", "nowhere"): "--source is not right: a source is an absolute path",
        ("--steps", "0"): "--steps is not right: ",
        ("--width", "511"): "--width is not right: ",
        ("--guidance", "nan"): "--guidance is not right: ",
    }
    for change, said in wrong.items():
        (line,) = add(bases, "sd15", *change, code=1).splitlines()
        assert line.startswith(f"Error: {said}")
    assert bases("list") == ""


def test_names_are_taken_once_and_must_be_there_to_go(bases):
    add(bases)
    (line,) = add(bases, code=1).splitlines()
    assert line.startswith("Error: There is a base model 'sd15' already.")
    (line,) = add(bases, "A B", code=1).splitlines()
    assert line.startswith("Error: --id is not right: ")
    (line,) = bases("remove", "none", code=1).splitlines()
    assert line.startswith("Error: There is no base model 'none'")


def test_without_tables_it_says_what_to_do(hub):
    hub.data.mkdir()
    done = hub.run("bases", "list")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "migrate" in done.stderr
