"""The registry of base models, and which workers hold them."""

import threading

import pytest

from lorahub_server.insight.bases import service
from lorahub_server.insight.bases.errors import BaseExists, BaseNotFound
from lorahub_server.insight.bases.schemas import NewBase
from support import galleries
from support.inside import Inside

STALE_S = int(service.HELD_FOR.total_seconds()) + 1


def register(inside: Inside, *names: str, family: str = "sd1") -> None:
    for name in names:
        with inside.tx() as tx:
            service.add(tx.session, NewBase(id=name, family=family, source=f"/models/{name}"))


def advertise(
    inside: Inside, worker: str, digest: str = "d", device: str = "cpu", base: str = "one"
) -> bool:
    with inside.tx() as tx:
        return service.advertise(
            tx.session, base, worker, digest=digest * 64, device=device, dtype="fp32"
        )


def held(inside: Inside, family: str = "sd1") -> list[tuple[str, str, list[str]]]:
    with inside.look() as tx:
        found = service.bases_for(tx.session, family)
        return [(one.base.id, one.digest[0], list(one.devices)) for one in found]


def test_weights_that_nobody_held_are_news_once(inside):
    register(inside, "one")
    assert advertise(inside, "a")
    assert not advertise(inside, "a")
    assert not advertise(inside, "b")
    assert advertise(inside, "b", digest="e")
    assert not advertise(inside, "a", digest="e")


def test_weights_are_news_again_when_their_holder_was_silent(inside):
    register(inside, "one")
    galleries.hold_base(inside, "one", ago_s=STALE_S)
    assert advertise(inside, "w")
    assert held(inside) == [("one", "d", ["cpu"])]


def test_silent_holders_do_not_count(inside):
    register(inside, "one")
    galleries.hold_base(inside, "one", ago_s=STALE_S - 30)
    assert held(inside) == [("one", "d", ["cpu"])]
    galleries.hold_base(inside, "one", ago_s=STALE_S)
    assert held(inside) == []
    with inside.look() as tx:
        (listed,) = service.list_bases(tx.session)
        assert (listed.base.id, list(listed.holders)) == ("one", [])
        assert service.has_family(tx.session, "sd1")


def test_bases_come_in_the_order_of_their_registration(inside):
    register(inside, "zebra", "apple", "one")
    register(inside, "other", family="sdxl")
    for name in ("one", "apple", "other", "zebra"):
        advertise(inside, "a", base=name)
    assert [name for name, *_ in held(inside)] == ["zebra", "apple", "one"]
    with inside.look() as tx:
        listed = [one.base.id for one in service.list_bases(tx.session)]
    assert listed == ["zebra", "apple", "one", "other"]


def test_where_workers_differ_the_newest_word_counts(inside):
    register(inside, "one")
    advertise(inside, "a", digest="d", device="cuda")
    advertise(inside, "b", digest="e", device="cpu")
    assert held(inside) == [("one", "e", ["cuda", "cpu"])]
    advertise(inside, "a", digest="d", device="cuda")
    assert held(inside) == [("one", "d", ["cpu", "cuda"])]


def test_a_base_that_is_off_is_not_rendered_with(inside):
    register(inside, "one")
    advertise(inside, "a")
    with inside.tx() as tx:
        service.set_enabled(tx.session, "one", enabled=False)
    assert held(inside) == []
    with inside.look() as tx:
        assert not service.has_family(tx.session, "sd1")
        (listed,) = service.list_bases(tx.session)
        assert len(listed.holders) == 1
    with inside.tx() as tx:
        service.set_enabled(tx.session, "one", enabled=True)
    assert held(inside) == [("one", "d", ["cpu"])]


def test_a_removed_base_is_held_by_nobody(inside):
    register(inside, "one")
    advertise(inside, "a")
    with inside.tx() as tx:
        service.remove(tx.session, "one")
    assert not advertise(inside, "a")
    assert held(inside) == []
    register(inside, "one")
    assert held(inside) == []
    assert advertise(inside, "a")


@pytest.mark.parametrize("name", ["none", ""])
def test_what_is_not_there_is_not_found(inside, name):
    with inside.tx() as tx:
        with pytest.raises(BaseNotFound, match="bases list"):
            service.remove(tx.session, name)
        with pytest.raises(BaseNotFound):
            service.set_enabled(tx.session, name, enabled=True)


def test_a_name_is_taken_once(inside):
    register(inside, "one")
    with pytest.raises(BaseExists, match="Remove it first"):
        register(inside, "one", family="sdxl")
    with inside.look() as tx:
        assert service.get(tx.session, "one").family == "sd1"


def test_of_several_at_once_one_registers(inside):
    inside.caller("alice")  # made beforehand, so that they meet at the registry
    start, said = threading.Barrier(4), []

    def one() -> None:
        start.wait()
        try:
            register(inside, "one")
        except BaseExists:
            said.append("taken")
        else:
            said.append("made")

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == ["made", "taken", "taken", "taken"]


def test_a_registry_has_an_end(inside, monkeypatch):
    monkeypatch.setattr(service, "MAX_BASES", 2)
    register(inside, "one", "two")
    with pytest.raises(BaseExists, match="at most 2"):
        register(inside, "three")


def test_a_worker_that_leaves_holds_nothing(inside):
    register(inside, "one", "two")
    for worker in ("a", "b"):
        for base in ("one", "two"):
            advertise(inside, worker, base=base, device=worker)
    with inside.tx() as tx:
        service.leave(tx.session, "a", except_for=["two"])
    assert held(inside) == [("one", "d", ["b"]), ("two", "d", ["a", "b"])]
    with inside.tx() as tx:
        service.leave(tx.session, "a")
    assert held(inside) == [("one", "d", ["b"]), ("two", "d", ["b"])]
