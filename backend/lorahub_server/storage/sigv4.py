"""Signed download addresses (AWS Signature Version 4, query form) for S3 and its relatives.

Our own because the address must carry the file name the browser will save under, which the
object-store library cannot sign.
"""

import hashlib
import hmac
from datetime import datetime
from urllib.parse import quote, urlsplit

_MAX_EXPIRES_S = 7 * 24 * 3600  # S3 refuses longer ones


def presign_get(
    url: str,
    *,
    access_key: str,
    secret_key: str,
    region: str,
    now: datetime,
    expires_s: int,
    extra: dict[str, str],
) -> str:
    """Return `url` (no query, path not yet escaped) signed for GET from `now` for `expires_s`.

    `extra` holds further query parameters, such as response-content-disposition.
    """
    parts = urlsplit(url)
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    query = {
        **extra,
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{access_key}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(min(expires_s, _MAX_EXPIRES_S)),
        "X-Amz-SignedHeaders": "host",
    }
    canonical_query = "&".join(f"{_escape(k)}={_escape(v)}" for k, v in sorted(query.items()))
    path = quote(parts.path, safe="/-_.~")
    request = f"GET\n{path}\n{canonical_query}\nhost:{parts.netloc}\n\nhost\nUNSIGNED-PAYLOAD"
    digest = hashlib.sha256(request.encode()).hexdigest()
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
    key = f"AWS4{secret_key}".encode()
    for word in scope.split("/"):
        key = _hmac(key, word)
    signature = _hmac(key, to_sign).hex()
    return f"{parts.scheme}://{parts.netloc}{path}?{canonical_query}&X-Amz-Signature={signature}"


def content_disposition(filename: str) -> str:
    """Return an `attachment` header for any file name (RFC 6266: plain form and UTF-8 form)."""
    plain = "".join(
        c if c.isascii() and c.isprintable() and c not in '"\\;%' else "_" for c in filename
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


def _escape(text: str) -> str:
    return quote(text, safe="-_.~")


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
