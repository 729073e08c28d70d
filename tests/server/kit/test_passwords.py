import threading
import time
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from lorahub_server.kit import passwords
from lorahub_server.kit.passwords import (
    COMMON,
    HashingBusy,
    InvalidPassword,
    check_new_password,
    hash_password,
    needs_rehash,
    verify,
)

GOOD = "correct horse battery"


@pytest.fixture(autouse=True, scope="module")
def as_on_a_hub(real_hasher: PasswordHasher) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", real_hasher)
        passwords._dummy_hash.cache_clear()
        yield
    passwords._dummy_hash.cache_clear()


@pytest.mark.parametrize(
    "password", [GOOD, "x7#kQ9pz", "ünïcödé-pass", "  spaces  count ", "ab12" * 256]
)
def test_good(password):
    check_new_password(password, "alice")


@pytest.mark.parametrize(
    "password",
    [
        "",
        "short7!",
        "x" * 1025,
        "password",
        "PassWord1",
        "12345678",
        "aaaabbbb",
        "alice12345",
        "xALICEx-92",
        "\uff50assword",  # a full-width p
    ],
)
def test_weak(password):
    with pytest.raises(InvalidPassword) as caught:
        check_new_password(password, "alice")
    assert (caught.value.status, caught.value.code) == (422, "weak_password")


def test_short_names_may_occur_in_long_passwords():
    check_new_password("crab and cabbage", "ab")
    with pytest.raises(InvalidPassword):
        check_new_password("ab7x9y2z", "ab")


def test_list_of_common_ones_is_clean():
    assert len(COMMON) > 200
    assert all(len(p) >= 8 and p == p.casefold() for p in COMMON)


def test_verify():
    stored = hash_password(GOOD)
    assert stored.startswith("$argon2id$")
    assert GOOD not in stored
    assert verify(stored, GOOD)
    assert not verify(stored, GOOD + "!")
    assert not verify(stored, "")
    assert not verify(None, GOOD)
    assert not verify("not a hash", GOOD)
    assert hash_password(GOOD) != stored


def test_composed_and_decomposed_are_one_password():
    assert verify(hash_password("cafe\u0301 olé"), "café ol\u00e9")


def test_too_long_is_wrong_even_when_the_beginning_fits():
    longest = "ab12" * 256
    stored = hash_password(longest)
    assert verify(stored, longest)
    assert not verify(stored, longest + "x")


@given(st.text(max_size=30))
def test_no_text_breaks_the_check(text):
    try:
        check_new_password(text, "alice")
    except InvalidPassword:
        return
    assert len(text) >= 3  # NFKC may lengthen


def test_lone_surrogates_do_not_break_the_hash():
    assert verify(hash_password("\ud800 abcdefgh"), "\ud800 abcdefgh")


def test_unknown_accounts_cost_the_same():
    stored = hash_password(GOOD)
    verify(None, GOOD)

    def cost(password_hash):
        samples = []
        for _ in range(5):
            # Of this thread alone: other work on the machine would be taken for a difference.
            start = time.thread_time()
            verify(password_hash, "wrong password")
            samples.append(time.thread_time() - start)
        return min(samples)

    assert 0.5 < cost(None) / cost(stored) < 2


def test_needs_rehash():
    assert not needs_rehash(hash_password(GOOD))
    assert needs_rehash(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("x"))
    assert needs_rehash("not a hash")


def test_floods_do_not_take_the_memory(monkeypatch):
    inside, most = 0, 0
    lock = threading.Lock()
    real = passwords._HASHER.hash

    class Counting:
        def hash(self, data):
            nonlocal inside, most
            with lock:
                inside += 1
                most = max(most, inside)
            try:
                return real(data)
            finally:
                with lock:
                    inside -= 1

    monkeypatch.setattr(passwords, "_HASHER", Counting())
    threads = [threading.Thread(target=hash_password, args=(GOOD,)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 < most <= passwords.CONCURRENT


def test_who_waits_too_long_is_told_to_come_back(monkeypatch):
    monkeypatch.setattr(passwords, "PATIENCE_S", 0.01)
    for _ in range(passwords.CONCURRENT):
        passwords._SLOTS.acquire()
    try:
        with pytest.raises(HashingBusy) as caught:
            hash_password(GOOD)
        assert caught.value.status == 503
    finally:
        for _ in range(passwords.CONCURRENT):
            passwords._SLOTS.release()
