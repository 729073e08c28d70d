import errno
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lorahub_server.storage import ObjectMissing, StorageError, StorageFull, open_store
from lorahub_server.storage.local import LocalStore


@pytest.fixture
def disk(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "objects")


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_local_path_is_the_file(disk: LocalStore) -> None:
    disk.put("a/b", [b"bytes"])
    path = disk.local_path("a/b")
    assert path is not None
    assert path.read_bytes() == b"bytes"
    assert disk.local_path("a") is None
    assert disk.signed_url("a/b", filename="b") is None


def test_an_unread_or_half_read_object_is_closed(disk: LocalStore) -> None:
    disk.put("a", [bytes(3 * 1024 * 1024)])
    before = open_files()
    for _ in range(5):
        disk.get("a")
        next(disk.get("a"))
    assert open_files() == before


def test_a_folder_is_no_object(disk: LocalStore) -> None:
    disk.put("a/b", [b"bytes"])
    assert disk.size("a") is None
    with pytest.raises(ObjectMissing):
        disk.get("a")
    assert disk.size("a/b/c") is None
    with pytest.raises(ObjectMissing):
        disk.get("a/b/c")


def test_the_source_s_own_error_is_passed_on(disk: LocalStore, tmp_path: Path) -> None:
    def source() -> Iterator[bytes]:
        yield (tmp_path / "missing").read_bytes()

    with pytest.raises(FileNotFoundError):
        disk.put("a", source())


def test_emptied_folders_go_away(disk: LocalStore) -> None:
    disk.put("staging/u1/0", [b"x"])
    disk.put("staging/u2/0", [b"x"])
    disk.delete(["staging/u1/0"])
    assert not (disk.root / "staging/u1").exists()
    assert (disk.root / "staging/u2").exists()
    disk.delete(["staging/u2/0"])
    assert disk.root.exists()


def test_putting_and_pruning_at_once(disk: LocalStore) -> None:
    errors: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for _ in range(150):
                disk.put(f"deep/er/{name}", [b"x"])
                disk.delete([f"deep/er/{name}"])
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_a_write_killed_half_way_leaves_nothing_to_see(disk: LocalStore) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from lorahub_server.storage.local import LocalStore\n"
        "def chunks():\n"
        "    yield b'x' * 100_000\n"
        "    print('writing', flush=True)\n"
        "    time.sleep(60)\n"
        "LocalStore(Path(sys.argv[1])).put('blobs/half', chunks())\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", code, str(disk.root)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "writing\n"
    writer.kill()
    writer.wait()
    writer.stdout.close()
    assert disk.size("blobs/half") is None
    assert list(disk.list("")) == []
    (left,) = (disk.root / ".tmp").iterdir()
    LocalStore(disk.root)
    assert left.exists()  # young: it might be somebody's write
    old = time.time() - 2 * 24 * 3600
    os.utime(left, (old, old))
    LocalStore(disk.root)
    assert not left.exists()


@pytest.mark.parametrize("error", [errno.EXDEV, errno.EOPNOTSUPP, errno.ENOSYS])
def test_compose_where_the_kernel_will_not_copy(
    disk: LocalStore, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    def refuse(*_args: object) -> int:
        raise OSError(error, "no")

    monkeypatch.setattr(os, "copy_file_range", refuse)
    disk.put("p/0", [b"one"])
    disk.put("p/1", [bytes(2 * 1024 * 1024)])
    disk.compose("whole", ["p/0", "p/1"])
    assert disk.read("whole") == b"one" + bytes(2 * 1024 * 1024)


def test_a_full_disk_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from lorahub_server.storage import StorageFull\n"
        "from lorahub_server.storage.local import LocalStore\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))\n"
        "store = LocalStore(Path(sys.argv[1]))\n"
        "try:\n"
        "    store.put('big', [bytes(500_000)] * 4)\n"
        "except StorageFull as error:\n"
        "    print(error)\n"
        "assert store.size('big') is None\n"
        "assert not list((store.root / '.tmp').iterdir())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "o")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "The disk that holds the objects is full.\n"
    assert issubclass(StorageFull, StorageError)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("file://relative/path", "file:///full/path"),
        ("/plain/path", "starts with file:/// or s3://"),
        ("ftp://host/x", "starts with file:/// or s3://"),
        ("s3:///prefix", "bucket is missing"),
        ("s3://bucket?endpont=http://x", "no option 'endpont'"),
    ],
)
def test_addresses_that_cannot_be_read(url: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        open_store(url, {})


def test_addresses_with_escapes(tmp_path: Path) -> None:
    store = open_store(f"file://{tmp_path}/with%20space")
    store.put("a", [b"x"])
    assert (tmp_path / "with space" / "a").read_bytes() == b"x"
