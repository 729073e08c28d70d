"""With the bytes in S3 downloads go there by a signed address, but for what pages show."""

import http.client
from urllib.parse import urlsplit

import pytest

from support.s3 import KEYS


@pytest.fixture(params=["", "&public=off"], ids=["redirect", "through-the-hub"])
def s3_site(request, s3, start_site, monkeypatch):
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    site = start_site(store_url=s3.store_url() + request.param)
    site.redirects = not request.param
    return site


def fetch(address: str, **headers: str) -> tuple[int, bytes, http.client.HTTPMessage]:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    connection.request("GET", f"{parts.path}?{parts.query}", headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read(), answer.headers


def test_adapters(s3_site, weights):
    alice = s3_site.add_account("alice")
    alice.publish("alice/x", {"a.safetensors": weights})
    path = "/alice/x/resolve/main/a.safetensors"
    anonymous = s3_site.as_token(None)
    answer = anonymous.get(path)
    if not s3_site.redirects:
        assert (answer.status, answer.body) == (200, weights)
        part = anonymous.get(path, headers={"Range": "bytes=8-15"})
        assert (part.status, part.body) == (206, weights[8:16])
        return
    assert answer.status == 302
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert len(answer.headers["X-Content-SHA256"]) == 64
    status, body, headers = fetch(answer.headers["Location"])
    assert (status, body) == (200, weights)
    assert 'filename="a.safetensors"' in headers["Content-Disposition"]
    status, body, _ = fetch(answer.headers["Location"], Range="bytes=8-15")
    assert (status, body) == (206, weights[8:16])
    # A signed address is good for GET alone, so the hub itself answers HEAD.
    head = anonymous.head(path).expect(200)
    assert head.headers["Content-Length"] == str(len(weights))


def test_pictures_stay_on_this_site(s3_site):
    picture = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 5000
    alice = s3_site.add_account("alice")
    alice.publish("alice/x", {"big.png": picture})
    path = "/alice/x/resolve/main/big.png"
    answer = s3_site.as_token(None).get(path)
    assert (answer.status, answer.body) == (200, picture)
    saved = s3_site.as_token(None).get(path + "?download=1")
    assert saved.status == (302 if s3_site.redirects else 200)
