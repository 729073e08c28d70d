"""What a worker says of the bases that it holds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lorahub_server.insight.bases import service as registry
from lorahub_server.insight.bases.schemas import NewBase
from lorahub_server.jobs import service as jobs
from lorahub_worker import advertising
from support.inside import Inside
from worker.test_bases import folder


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Inside]:
    monkeypatch.setenv("LORAHUB_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(advertising, "SAY_EVERY_S", 0.0)
    made = Inside(f"sqlite:///{tmp_path}/hub.db", f"file://{tmp_path}/objects", tmp_path)
    yield made
    made.close()


def add(hub: Inside, source: Path, base_id: str = "tiny") -> None:
    with hub.db.write() as session:
        registry.add(session, NewBase(id=base_id, family="shapes", source=str(source)))


def held(hub: Inside) -> list[tuple[str, str]]:
    with hub.db.read() as session:
        return [(one.base.id, one.digest) for one in registry.bases_for(session, "shapes")]


def owed(hub: Inside) -> list[str]:
    with hub.db.read() as session:
        return [job.args["family"] for job in jobs.list_jobs(session, kind="plan_family")]


def let_be_done(hub: Inside) -> None:
    with hub.db.write() as session:
        for job in jobs.list_jobs(session, kind="plan_family"):
            jobs.cancel(session, job.id)


def test_a_base_is_held_and_its_family_is_planned_once(hub: Inside, tmp_path: Path) -> None:
    add(hub, folder(tmp_path / "base"))
    told = advertising.Advertising(hub.db, "one")
    told.look()
    ((base_id, digest),) = held(hub)
    assert (base_id, owed(hub)) == ("tiny", ["shapes"])
    let_be_done(hub)
    told.look()
    advertising.Advertising(hub.db, "two").look()
    assert len(owed(hub)) == 1
    (tmp_path / "base" / "unet" / "model.safetensors").write_bytes(b"other weights")
    told.look()
    assert held(hub) != [("tiny", digest)]
    assert len(owed(hub)) == 2


def test_one_that_is_missing_does_not_hide_the_others(hub: Inside, tmp_path: Path) -> None:
    add(hub, tmp_path / "nowhere", "aa")
    add(hub, folder(tmp_path / "base"), "bb")
    advertising.Advertising(hub.db, "one").look()
    assert [name for name, _ in held(hub)] == ["bb"]


def test_who_ends_holds_nothing(hub: Inside, tmp_path: Path) -> None:
    add(hub, folder(tmp_path / "base"))
    one, two = (advertising.Advertising(hub.db, name) for name in ("one", "two"))
    one.look()
    two.look()
    one.stop()
    assert len(held(hub)) == 1
    two.stop()
    assert held(hub) == []


def test_what_is_switched_off_is_not_told(hub: Inside, tmp_path: Path) -> None:
    add(hub, folder(tmp_path / "base"))
    with hub.db.write() as session:
        registry.set_enabled(session, "tiny", enabled=False)
    advertising.Advertising(hub.db, "one").look()
    with hub.db.read() as session:
        assert [len(one.holders) for one in registry.list_bases(session)] == [0]
