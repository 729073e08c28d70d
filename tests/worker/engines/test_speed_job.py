"""The job that measures an adapter, on the tiny base."""

import pytest
from sqlalchemy import select

from lorahub_server.insight.speed import service as speed
from lorahub_server.jobs.runner import Outcome, Runtime, run
from lorahub_server.jobs.tables import Job
from lorahub_worker import bases, tasks
from support import galleries, tiny_base
from support.inside import Inside

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:__array__ implementation")]


@pytest.fixture
def hub(shared_dir, tmp_path):
    base = tiny_base.image_base(shared_dir)
    made = Inside(f"sqlite:///{tmp_path}/hub.db", f"file://{tmp_path}/objects", tmp_path)
    galleries.add_base(made, source=str(base), guidance=3.0)
    galleries.hold_base(made, digest=bases.digest(base))
    yield made
    made.close()


def measured(hub, data: bytes, **options) -> tuple[Outcome, str]:
    sha256 = hub.upload(data)
    with hub.tx() as tx:
        speed.owe(tx.session, sha256, "tiny", **options)
    tasks.load(frozenset({"gpu"}))
    return run(Runtime(hub.db, hub.store), ["gpu"]), sha256


def test_an_adapter_is_measured_and_recorded(hub, shared_dir, tmp_path):
    file = tiny_base.adapter(tiny_base.image_base(shared_dir), tmp_path / "a.safetensors")
    outcome, sha256 = measured(hub, file.read_bytes())
    assert outcome is Outcome.DONE
    with hub.look() as tx:
        (found,) = speed.costs_of(tx.session, sha256, None).own
    assert found.device.startswith("cpu")
    assert found.setting["steps"] == 4
    assert "device" not in found.setting
    assert 0 < found.swap_ms < found.base_ms * 10
    assert found.memory == pytest.approx(file.stat().st_size, rel=0.1)


def test_one_that_does_not_fit_says_why(hub):
    outcome, _ = measured(hub, galleries.llama_adapter())
    assert outcome is Outcome.PARKED
    with hub.look() as tx:
        job = tx.session.scalars(select(Job).where(Job.kind == speed.KIND)).one()
    assert job.error_code in ("wrong_family", "scale_unknown")
    assert job.error_message
