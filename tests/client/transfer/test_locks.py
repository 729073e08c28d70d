"""Locks between real processes."""

import subprocess
import sys
import threading
import time

from lorahub.transfer import locks
from lorahub.transfer.locks import locked

HOLD = """
import sys, time
from pathlib import Path
from lorahub.transfer.locks import locked
with locked(Path(sys.argv[1]), lambda: None):
    print("held", flush=True)
    time.sleep(60)
"""


def hold(path):
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"
    return process


def test_a_lock_ends_with_the_process_that_holds_it(tmp_path):
    path = tmp_path / "x.lock"
    process = hold(path)
    waited = threading.Event()
    got = threading.Event()

    def take():
        with locked(path, waited.set):
            got.set()

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    assert waited.wait(5)
    assert not got.wait(0.2)
    process.kill()
    process.wait()
    assert got.wait(5)
    thread.join()
    assert not path.exists()


def test_one_at_a_time(tmp_path):
    inside = []
    worst = []

    def work():
        for _ in range(20):
            with locked(tmp_path / "x.lock", lambda: None):
                inside.append(1)
                worst.append(len(inside))
                time.sleep(0.001)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(worst) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_lock_file_that_was_replaced_meanwhile_does_not_count(tmp_path, monkeypatch):
    """Between opening it and locking it, its last holder may remove it."""
    path = tmp_path / "x.lock"
    true_take = locks._take
    taken = []

    def take(descriptor):
        taken.append(descriptor)
        if len(taken) == 1:
            path.unlink()
            path.touch()
        return true_take(descriptor)

    monkeypatch.setattr(locks, "_take", take)
    with locked(path, lambda: None):
        assert len(taken) == 2
