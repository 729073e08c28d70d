"""Which bases stay in memory. No torch: the engines are stand-ins with a size."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from lorahub_worker.engines.spec import BaseRefused, BaseSpec
from lorahub_worker.engines.warm import Shelf


def spec(name: str, size: int, tmp_path: Path, digest: str = "") -> BaseSpec:
    path = tmp_path / f"{name}.safetensors"
    path.write_bytes(b"0" * size)
    return BaseSpec(name, "image", "shapes", path, digest=digest)


@pytest.fixture
def shelf(monkeypatch):
    from lorahub_worker.engines import devices

    monkeypatch.setattr(devices, "free_unused", lambda: None)
    made = []

    def make(wanted):
        made.append(wanted.id)
        return SimpleNamespace(spec=wanted, size=wanted.path.stat().st_size)

    shelf = Shelf(100, make)
    shelf.made = made
    return shelf


def test_what_was_not_used_for_longest_leaves_first(shelf, tmp_path):
    a, b, c = (spec(name, 40, tmp_path) for name in "abc")
    for wanted in (a, b, a, c):
        assert shelf.get(wanted).spec == wanted
    assert shelf.ids() == {"a", "c"}
    assert shelf.made == ["a", "b", "c"]
    shelf.get(a)
    assert shelf.made == ["a", "b", "c"]


def test_one_that_is_larger_than_all_memory_stands_alone(shelf, tmp_path):
    shelf.get(spec("small", 10, tmp_path))
    shelf.get(spec("large", 500, tmp_path))
    assert shelf.ids() == {"large"}


def test_other_weights_under_the_same_name_replace_the_old(shelf, tmp_path):
    shelf.get(spec("a", 10, tmp_path, digest="1"))
    assert shelf.get(spec("a", 10, tmp_path, digest="2")).spec.digest == "2"
    assert len(shelf._kept) == 1


def test_no_memory_for_a_base_lets_all_others_go(shelf, tmp_path):
    shelf.get(spec("a", 10, tmp_path))
    real, tries = shelf._make, []

    def scarce(wanted):
        tries.append(len(shelf._kept))
        if shelf._kept:
            raise MemoryError
        return real(wanted)

    shelf._make = scarce
    shelf.get(spec("b", 10, tmp_path))
    assert tries == [1, 0]
    assert shelf.ids() == {"b"}

    def never(_wanted):
        raise MemoryError

    shelf._make = never
    with pytest.raises(BaseRefused, match="does not fit"):
        shelf.get(spec("c", 10, tmp_path))
