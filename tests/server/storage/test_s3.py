import socket
import threading
import time
import urllib.request
from datetime import UTC, datetime

import pytest

from lorahub_server.storage import StorageError, open_store
from lorahub_server.storage.keys import blob_key, staging_key
from lorahub_server.storage.sigv4 import content_disposition, presign_get

KEYS = {"LORAHUB_S3_ACCESS_KEY": "test-key", "LORAHUB_S3_SECRET_KEY": "test-secret"}


def test_a_signed_address_downloads_under_the_name(s3_endpoint: str) -> None:
    store = open_store(f"s3://hub/signed?endpoint={s3_endpoint}", KEYS)
    store.put("blobs/x", [b"adapter bytes"])
    url = store.signed_url("blobs/x", filename='my "best" løra.safetensors')
    assert url is not None
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"adapter bytes"
        said = answer.headers["Content-Disposition"]
    assert said.startswith("attachment; ")
    assert "filename*=UTF-8''my%20%22best%22%20l%C3%B8ra.safetensors" in said


def test_the_signature_is_the_documented_one() -> None:
    # The example of the S3 manual, "Authenticating Requests: Using Query Parameters".
    url = presign_get(
        "https://examplebucket.s3.amazonaws.com/test.txt",
        access_key="AKIAIOSFODNN7EXAMPLE",
        secret_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        region="us-east-1",
        now=datetime(2013, 5, 24, tzinfo=UTC),
        expires_s=86400,
        extra={},
    )
    assert url.endswith(
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )


def test_clients_are_sent_to_the_public_address(s3_endpoint: str) -> None:
    url = f"s3://hub/p?endpoint={s3_endpoint}&public=https://files.example.org/"
    signed = open_store(url, KEYS).signed_url("a", filename="a")
    assert signed is not None
    assert signed.startswith("https://files.example.org/hub/p/a?")
    assert "test-secret" not in signed


@pytest.mark.parametrize("address", ["s3://hub?endpoint={}&public=off", "s3://hub?endpoint={}"])
def test_without_a_way_to_sign_there_is_no_address(s3_endpoint: str, address: str) -> None:
    env = KEYS if "off" in address else {}
    assert open_store(address.format(s3_endpoint), env).signed_url("a", filename="a") is None


@pytest.mark.parametrize("name", ["a\r\nSet-Cookie: x", 'a"b', "a\\b", "naïve", ""])
def test_a_file_name_cannot_break_out_of_the_header(name: str) -> None:
    header = content_disposition(name)
    assert header.isascii()
    assert header.isprintable()
    plain = header.split('filename="', 1)[1].split("; filename*", 1)[0]
    assert plain.count('"') == 1


def test_keys() -> None:
    sha = "ab" + "cd" + "0" * 60
    assert blob_key(sha) == f"blobs/sha256/ab/cd/{sha}"
    assert staging_key("u", 5) < staging_key("u", 40) < staging_key("u", 10**12)
    for bad in ("", "AB" * 32, "../" + "0" * 61, "0" * 63):
        with pytest.raises(ValueError, match="SHA-256"):
            blob_key(bad)


class FlakyFront:
    """A TCP front of a server that answers the first `failures` requests with 503."""

    def __init__(self, target: str, failures: int) -> None:
        host, port = target.removeprefix("http://").split(":")
        self._target = (host, int(port))
        self.left = failures
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            if self.left > 0:
                self.left -= 1
                client.recv(65536)
                client.sendall(
                    b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                )
                return
            with socket.create_connection(self._target) as server:
                there = threading.Thread(target=_pump, args=(client, server), daemon=True)
                there.start()
                _pump(server, client)

    def close(self) -> None:
        self._listener.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def test_a_store_that_stumbles_is_asked_again(s3_endpoint: str) -> None:
    front = FlakyFront(s3_endpoint, failures=3)
    store = open_store(f"s3://hub/flaky?endpoint={front.address}", KEYS)
    store.put("a", [b"x" * 100])
    assert store.read("a") == b"x" * 100
    front.close()
    assert front.left == 0


def test_a_store_that_stays_down_says_so_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    store = open_store(f"s3://hub?endpoint=http://127.0.0.1:{port}", KEYS)
    started = time.monotonic()
    with pytest.raises(StorageError, match="did not answer"):
        store.put("a", [b"x"])
    assert time.monotonic() - started < 30
