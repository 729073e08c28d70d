"""Files in their place, and never over somebody's work."""

import pytest

from lorahub.errors import LorahubError
from lorahub.transfer.cache import Cache
from lorahub.transfer.hashing import sha256_of
from lorahub.transfer.placing import Placed, Places, put, state_of, write

BIG, SMALL = b"w" * (1024 * 1024), b"small"


@pytest.fixture
def cache(tmp_path):
    cache = Cache(tmp_path / "cache")
    cache.prepare()
    return cache


def keep(cache, data):
    """Put bytes into the cache; return their place."""
    import hashlib

    sha256 = hashlib.sha256(data).hexdigest()
    cache.part(sha256).write_bytes(data)
    cache.store(sha256)
    return cache.blob(sha256)


def test_a_large_file_is_not_written_twice(cache, tmp_path):
    blob, target = keep(cache, BIG), tmp_path / "out" / "a.safetensors"
    put(blob, target, move=False)
    assert target.read_bytes() == BIG
    assert blob.samefile(target)


def test_no_two_places_share_a_file(cache, tmp_path):
    blob, one, two = keep(cache, BIG), tmp_path / "one", tmp_path / "two"
    put(blob, one, move=False)
    put(blob, two, move=False)
    with one.open("r+b") as file:
        file.write(b"edited")
    assert two.read_bytes() == BIG


def test_editing_a_placed_file_spoils_no_later_pull(cache, tmp_path):
    blob, one = keep(cache, BIG), tmp_path / "one"
    sha256 = sha256_of(blob)
    put(blob, one, move=False)
    assert cache.verify(sha256, len(BIG), lambda _: None)
    with one.open("r+b") as file:
        file.write(b"edited")
    assert not cache.verify(sha256, len(BIG), lambda _: None)
    assert not blob.exists()
    assert one.read_bytes().startswith(b"edited")


def test_small_files_are_copies(cache, tmp_path):
    blob, target = keep(cache, SMALL), tmp_path / "card"
    put(blob, target, move=False)
    assert not blob.samefile(target)
    target.write_bytes(b"edited")
    assert blob.read_bytes() == SMALL


@pytest.mark.parametrize("data", [BIG, SMALL, b""])
def test_moving_leaves_nothing_behind(cache, tmp_path, data):
    blob, target = keep(cache, data), tmp_path / "out" / "a"
    put(blob, target, move=True)
    assert target.read_bytes() == data
    assert not blob.exists()


def test_moving_takes_no_file_that_a_place_shares(cache, tmp_path):
    blob, one, two = keep(cache, BIG), tmp_path / "one", tmp_path / "two"
    put(blob, one, move=False)
    put(blob, two, move=True)
    assert not one.samefile(two)
    assert two.read_bytes() == BIG
    assert not blob.exists()


def test_another_disk_gets_a_copy(cache, tmp_path, monkeypatch):
    def no(*_, **__):
        raise OSError(18, "Invalid cross-device link")

    blob, target = keep(cache, BIG), tmp_path / "out" / "a"
    monkeypatch.setattr("os.link", no)
    monkeypatch.setattr("os.copy_file_range", no)
    put(blob, target, move=False)
    assert target.read_bytes() == BIG
    assert blob.exists()


def test_the_old_file_stays_when_writing_fails(cache, tmp_path, monkeypatch):
    blob, target = keep(cache, SMALL), tmp_path / "a"
    target.write_bytes(b"old")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.copy_file_range", full)
    with pytest.raises(LorahubError, match="No space left"):
        put(blob, target, move=False)
    assert target.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "cache"]


def test_a_link_is_replaced_and_not_followed(cache, tmp_path):
    (tmp_path / "precious").write_bytes(b"mine")
    (tmp_path / "a").symlink_to(tmp_path / "precious")
    put(keep(cache, SMALL), tmp_path / "a", move=False)
    assert (tmp_path / "precious").read_bytes() == b"mine"
    assert not (tmp_path / "a").is_symlink()


def test_what_is_at_a_place(cache, tmp_path):
    places, target = Places(cache), tmp_path / "a"
    sha256 = sha256_of(keep(cache, SMALL))

    def state(repo="alice/style"):
        return state_of(target, sha256, len(SMALL), repo, places)

    assert state() == "missing"
    target.write_bytes(SMALL)
    assert state() == "there"
    target.write_bytes(b"other")
    assert state() == "conflict"
    places.put(target, Placed("alice/style", sha256_of(target)))
    assert state() == "replace"
    assert state("bob/style") == "conflict"
    target.write_bytes(b"edited since")
    assert state() == "conflict"
    target.unlink()
    target.mkdir()
    assert state() == "conflict"


def test_a_place_has_one_name_whatever_links_lead_to_it(cache, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    places = Places(cache)
    places.put(tmp_path / "link" / "a", Placed("alice/style", "0" * 64))
    assert places.get(tmp_path / "real" / "a") == Placed("alice/style", "0" * 64)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"repo": 1}'])
def test_a_damaged_note_is_none(cache, tmp_path, text):
    places = Places(cache)
    places.put(tmp_path / "a", Placed("alice/style", "0" * 64))
    next((cache.root / "placed").iterdir()).write_text(text)
    assert places.get(tmp_path / "a") is None


def test_writing_makes_the_folders(tmp_path):
    write(tmp_path / "a" / "b" / "c.json", b"{}")
    assert (tmp_path / "a" / "b" / "c.json").read_bytes() == b"{}"
