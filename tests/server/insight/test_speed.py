"""What adapters cost: owed once, recorded, compared within a family."""

from datetime import timedelta

from sqlalchemy import select

from lorahub_server.insight.speed import service as speed
from lorahub_server.jobs.tables import Job
from lorahub_server.kit.clock import now
from support import galleries

FIGURES = {
    "load_ms": 100.0,
    "swap_ms": 8.0,
    "base_ms": 500.0,
    "unfused_ms": 600.0,
    "fused_ms": None,
    "memory": 300_000,
    "setting": {"steps": 4},
}


def record(inside, sha256, device="cpu", base="tiny", later=0, **changed):
    moment = now() + timedelta(seconds=later)
    with inside.tx() as tx:
        speed.record(tx.session, sha256, base, device, FIGURES | changed, moment)


def test_figures_are_kept_for_each_device_and_replaced_by_newer_ones(inside):
    galleries.add_base(inside)
    sha256 = inside.upload(galleries.shapes_adapter())
    record(inside, sha256)
    record(inside, sha256, "cuda", fused_ms=510.0)
    record(inside, sha256, later=5, unfused_ms=550.0)
    with inside.look() as tx:
        found = {one.device: one for one in speed.costs_of(tx.session, sha256, None).own}
    assert found["cpu"].unfused_ms == 550
    assert round(found["cpu"].slowdown, 6) == 0.1
    assert found["cuda"].fused_ms == 510
    assert found["cuda"].setting == {"steps": 4}


def test_a_family_is_told_in_medians_that_name_nobody(inside):
    galleries.add_base(inside)
    galleries.add_base(inside, "other")
    galleries.add_base(inside, "sd", family="sd1")
    shas = [inside.upload(galleries.shapes_adapter(seed)) for seed in range(3)]
    unmeasured = inside.upload(galleries.shapes_adapter(3))
    for number, sha256 in enumerate(shas):
        record(inside, sha256, swap_ms=number + 1.0, memory=100 * (number + 1))
    record(inside, shas[0], "cuda", swap_ms=0.5)
    record(inside, shas[0], base="other", swap_ms=50.0)
    record(inside, shas[0], base="sd", swap_ms=99.0)
    with inside.look() as tx:
        found = speed.costs_of(tx.session, shas[1], "shapes")
        other = speed.costs_of(tx.session, shas[0], "flux1")
        unknown = speed.costs_of(tx.session, shas[0], None)
        nothing = speed.costs_of(tx.session, unmeasured, "shapes")
    told = [(one.base_id, one.device, one.adapters, one.swap_ms) for one in found.typical]
    assert told == [("other", "cpu", 1, 50.0), ("tiny", "cpu", 3, 2.0), ("tiny", "cuda", 1, 0.5)]
    assert [one.memory for one in found.typical] == [300_000.0, 200.0, 300_000.0]
    assert [(one.base_id, one.base_title) for one in found.own] == [("tiny", "The tiny base")]
    assert len(other.own) == 4
    assert other.typical == unknown.typical == []
    assert (nothing.own, nothing.typical) == ([], [])


def test_measuring_is_owed_once(inside):
    galleries.add_base(inside)
    sha256 = inside.upload(galleries.shapes_adapter())
    with inside.tx() as tx:
        first = speed.owe(tx.session, sha256, "tiny", config={"r": 2})
        assert speed.owe(tx.session, sha256, "tiny") == first
    record(inside, sha256)
    with inside.tx() as tx:
        assert speed.owe(tx.session, sha256, "tiny") is None
    with inside.look() as tx:
        jobs = tx.session.scalars(select(Job).where(Job.kind == speed.KIND)).all()
    assert [(job.queue, job.lane, job.args) for job in jobs] == [
        ("gpu", "tiny", {"sha256": sha256, "base": "tiny", "config": {"r": 2}})
    ]
