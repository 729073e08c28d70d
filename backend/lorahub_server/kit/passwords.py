"""Passwords: what is refused, and Argon2id within a bounded amount of memory."""

import functools
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from lorahub_server.kit.errors import HubError
from lorahub_server.kit.words import words

MIN_LENGTH = 8
MAX_LENGTH = 1024
MIN_DIFFERENT = 4
NAME_COUNTS_FROM = 4
# OWASP's choice for Argon2id with 46 MiB; four at once stay below 200 MiB a process.
_HASHER = PasswordHasher(time_cost=1, memory_cost=47104, parallelism=1)
CONCURRENT = 4
PATIENCE_S = 10.0
_SLOTS = threading.BoundedSemaphore(CONCURRENT)

COMMON = words("passwords")


class InvalidPassword(HubError):
    """The new password is too short, too long or too easy to guess."""

    status = 422
    code = "weak_password"


class HashingBusy(HubError):
    """More sign-ins at once than there is memory for."""

    status = 503
    code = "busy"


def check_new_password(password: str, name: str) -> None:
    """Raise InvalidPassword with the rule that a new password of the account `name` breaks."""
    fault = _fault(password, name)
    if fault is not None:
        raise InvalidPassword(f"{fault} Choose another password.", place="password")


def _fault(password: str, name: str) -> str | None:
    if len(password) > MAX_LENGTH:
        return f"The password is longer than {MAX_LENGTH} characters."
    text = _normal(password)
    if len(text) < MIN_LENGTH:
        return f"The password is shorter than {MIN_LENGTH} characters."
    folded = text.casefold()
    if folded in COMMON:
        return "The password is one of the commonest; others try it first."
    if len(set(folded)) < MIN_DIFFERENT:
        return f"The password has fewer than {MIN_DIFFERENT} different characters."
    owner = name.casefold()
    rest = len(folded) - len(owner)
    if owner and owner in folded and (len(owner) >= NAME_COUNTS_FROM or rest < MIN_LENGTH):
        return "The password contains the account's name."
    return None


def hash_password(password: str) -> str:
    """Return the PHC string to store. Slow on purpose: not inside a write transaction."""
    with _slot():
        return _HASHER.hash(_encoded(password))


def verify(password_hash: str | None, password: str) -> bool:
    """Tell whether the password fits; without a hash (None) the work is the same."""
    known = password_hash is not None and len(password) <= MAX_LENGTH
    stored = password_hash if known and password_hash is not None else _dummy_hash()
    with _slot():
        try:
            matches = _HASHER.verify(stored, _encoded(password[:MAX_LENGTH]))
        except (VerificationError, InvalidHashError):
            return False
    return known and matches


def needs_rehash(password_hash: str) -> bool:
    """Tell whether the hash was made with other parameters than today's."""
    try:
        return _HASHER.check_needs_rehash(password_hash)
    except InvalidHashError:
        return True


@functools.cache
def _dummy_hash() -> str:
    return _HASHER.hash(b"of nobody")


@contextmanager
def _slot() -> Iterator[None]:
    if not _SLOTS.acquire(timeout=PATIENCE_S):
        raise HashingBusy("Many people are signing in just now. Try again in a minute.")
    try:
        yield
    finally:
        _SLOTS.release()


def _normal(password: str) -> str:
    # One password typed on two systems may arrive composed or not.
    return unicodedata.normalize("NFKC", password)


def _encoded(password: str) -> bytes:
    return _normal(password).encode("utf-8", "surrogatepass")
