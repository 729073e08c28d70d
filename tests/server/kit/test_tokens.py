import re

from hypothesis import given
from hypothesis import strategies as st

from lorahub_server.kit.tokens import checksum, is_token, keyed_hash, new_secret, new_token


def test_form():
    token = new_token()
    assert re.fullmatch(r"lh_[0-9A-Za-z]{42}", token)
    assert is_token(token)
    assert len({new_token() for _ in range(200)}) == 200


def test_checksum_is_crc32_in_base_62():
    # CRC-32 of "123456789" is 0xCBF43926, the check value of its definition.
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    value = 0
    for digit in checksum("123456789"):
        value = value * 62 + digits.index(digit)
    assert value == 0xCBF43926


@given(st.integers(0, 44), st.characters(codec="ascii"))
def test_one_wrong_character_is_noticed(position, character):
    token = "lh_" + "Ab1" * 12
    token += checksum(token)
    changed = token[:position] + character + token[position + 1 :]
    assert is_token(changed) == (changed == token)


@given(st.text(max_size=60))
def test_any_text_is_no_token(text):
    assert not is_token(text)


def test_hash_depends_on_key_purpose_and_text():
    hashes = {
        keyed_hash(b"a", "token", "x"),
        keyed_hash(b"b", "token", "x"),
        keyed_hash(b"a", "session", "x"),
        keyed_hash(b"a", "token", "y"),
    }
    assert len(hashes) == 4
    assert all(re.fullmatch("[0-9a-f]{64}", h) for h in hashes)
    assert keyed_hash(b"a", "token", "\ud800")


def test_secrets_are_256_bits():
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", new_secret())
    assert new_secret() != new_secret()
