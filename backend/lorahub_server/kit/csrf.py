"""Proof that a form was made by this site, and that a request came from its pages.

A random cookie stays in the browser; the form carries an HMAC over it and over the sign-in
session, so a token from before the sign-in, or from another person's page, is worth nothing.
"""

import hashlib
import hmac
import secrets
from collections.abc import Collection
from urllib.parse import urlsplit

from lorahub_server.kit.errors import HubError

COOKIE = "lh_csrf"
FIELD = "csrf_token"
HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_NONCE_HEX = 32


class CsrfFailed(HubError):
    """The form did not come from a page of this site, or is older than the session."""

    status = 403
    code = "csrf_failed"


class FromElsewhere(CsrfFailed):
    """Another site's page made the request."""


def new_cookie() -> str:
    return secrets.token_urlsafe(32)


def issue(secret: bytes, cookie: str, session: str = "") -> str:
    """Return a token for one form. A fresh nonce each time keeps compression from leaking it.

    `session` is the sign-in cookie's value, empty when nobody is signed in.
    """
    nonce = secrets.token_hex(_NONCE_HEX // 2)
    return nonce + _sign(secret, nonce, cookie, session)


def is_valid(secret: bytes, token: str | None, cookie: str | None, session: str = "") -> bool:
    if not token or not cookie or not token.isascii():
        return False
    nonce, signature = token[:_NONCE_HEX], token[_NONCE_HEX:]
    return hmac.compare_digest(_sign(secret, nonce, cookie, session), signature)


def check(secret: bytes, token: str | None, cookie: str | None, session: str = "") -> None:
    """Raise CsrfFailed unless the token was issued for this cookie and session."""
    if not is_valid(secret, token, cookie, session):
        raise CsrfFailed(
            "The form is too old or incomplete. Load the page again and send it again."
        )


def is_same_origin(
    allowed: Collection[str], *, origin: str | None, sec_fetch_site: str | None
) -> bool:
    """Tell whether the browser says that the request was made by a page of this site.

    `allowed` holds this site's origins or URLs ("https://hub.example", with a path or not). Where a
    browser sends neither header only the token decides; a program that sends neither has no cookies
    to be abused.
    """
    if sec_fetch_site is not None and sec_fetch_site not in {"same-origin", "none"}:
        return False
    if origin is None:
        return True
    if sec_fetch_site == "same-origin":
        # The browser compared it with the address it really used, which only it knows for sure.
        return origin != "null"
    own = {_origin(url) for url in allowed}
    return _origin(origin) in own - {None}


def check_origin(
    allowed: Collection[str], *, origin: str | None, sec_fetch_site: str | None
) -> None:
    """Raise FromElsewhere for an unsafe request that another site's page made."""
    if not is_same_origin(allowed, origin=origin, sec_fetch_site=sec_fetch_site):
        message = "The request came from another site. Open the page on this hub and send it there."
        raise FromElsewhere(message)


def _sign(secret: bytes, nonce: str, cookie: str, session: str) -> str:
    key = hmac.digest(secret, b"csrf", hashlib.sha256)
    # Lengths keep ("ab", "c") apart from ("a", "bc").
    parts = [p.encode("utf-8", "surrogatepass") for p in (nonce, cookie, session)]
    message = b"".join(len(p).to_bytes(4, "big") + p for p in parts)
    return hmac.digest(key, message, hashlib.sha256).hex()


def _origin(url: str) -> tuple[str, str, int | None] | None:
    """Return scheme, host and port, the default port filled in; None when it is no http(s) URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    defaults = {"http": 80, "https": 443}
    if parts.scheme not in defaults or not parts.hostname:
        return None
    return parts.scheme, parts.hostname.casefold(), port or defaults[parts.scheme]
