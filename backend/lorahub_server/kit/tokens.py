"""The text of secrets: random, recognisable by a scanner, and stored only as a keyed hash."""

import hashlib
import hmac
import re
import secrets
import zlib

PREFIX = "lh_"
RANDOM_LENGTH = 36
CHECKSUM_LENGTH = 6
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_TOKEN = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{RANDOM_LENGTH + CHECKSUM_LENGTH}}}", re.ASCII)


def new_token() -> str:
    """Return a fresh API token: `lh_`, 36 random base-62 characters (214 bits), 6 of checksum."""
    body = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(RANDOM_LENGTH))
    return body + checksum(body)


def checksum(body: str) -> str:
    """Return the CRC-32 of an ASCII text as 6 base-62 digits, most significant first."""
    value = zlib.crc32(body.encode("ascii"))
    digits = []
    for _ in range(CHECKSUM_LENGTH):
        value, digit = divmod(value, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def is_token(text: str) -> bool:
    """Tell whether a text has a token's form and checksum, without asking the database."""
    if not _TOKEN.fullmatch(text):
        return False
    return hmac.compare_digest(checksum(text[:-CHECKSUM_LENGTH]), text[-CHECKSUM_LENGTH:])


def new_secret() -> str:
    """Return 256 random bits as 43 URL-safe characters, for cookies."""
    return secrets.token_urlsafe(32)


def keyed_hash(secret: bytes, purpose: str, text: str) -> str:
    """Return the HMAC-SHA256 (hex) under which a secret text is stored.

    The purpose keeps hashes apart, so that a session's can't stand in for a token's.
    """
    key = hmac.digest(secret, purpose.encode(), hashlib.sha256)
    return hmac.digest(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hex()
