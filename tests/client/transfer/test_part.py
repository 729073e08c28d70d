"""What is left of a file that was being fetched."""

import pytest

from lorahub.errors import LorahubError
from lorahub.transfer.part import Part, discard, missing_bytes


def view(data: bytes) -> memoryview:
    return memoryview(data)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.part"


def test_an_earlier_run_is_gone_on_with(path):
    part = Part.open(path, 100)
    part.write(10, view(b"a" * 20))
    part.record((10, 30))
    part.close()
    again = Part.open(path, 100)
    assert list(again.there) == [(10, 30)]
    buffer = view(bytearray(20))
    assert again.read(10, buffer) == 20
    assert bytes(buffer) == b"a" * 20
    again.close()
    assert missing_bytes(path, 100) == 80


@pytest.mark.parametrize(
    "left",
    ["40 50", "40 5", "x y\n", "50 40\n", "0 101\n", "-1 5\n", "1\n", "1 2 3\n", "\x00\x00\n"],
)
def test_a_line_that_was_cut_off_does_not_count(path, left):
    part = Part.open(path, 100)
    part.record((0, 10))
    part.close()
    state = path.with_suffix(".state")
    state.write_bytes(state.read_bytes() + left.encode())
    again = Part.open(path, 100)
    assert list(again.there) == [(0, 10)]
    again.close()


@pytest.mark.parametrize("size", [99, 101])
def test_another_size_starts_anew(path, size):
    part = Part.open(path, 100)
    part.record((0, 10))
    part.close()
    again = Part.open(path, size)
    assert again.there.total == 0
    again.close()
    assert path.stat().st_size == size


def test_a_part_without_a_state_starts_anew(path):
    path.write_bytes(b"x" * 100)
    part = Part.open(path, 100)
    assert part.there.total == 0
    part.close()
    # And the other way round.
    path.unlink()
    assert missing_bytes(path, 100) == 100


def test_discarding(path):
    Part.open(path, 5).close()
    discard(path)
    discard(path)
    assert list(path.parent.iterdir()) == []


def test_a_full_disk_is_said_in_a_sentence(path, monkeypatch):
    part = Part.open(path, 10)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.pwrite", full)
    with pytest.raises(LorahubError, match="No space left") as caught:
        part.write(0, view(b"x"))
    assert caught.value.code == "disk"
    part.close()
