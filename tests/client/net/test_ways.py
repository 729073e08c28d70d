"""TLS, and through proxies: real certificates, a real proxy."""

import base64
import select
import socket
import ssl
import subprocess
import threading

import pytest

from lorahub.errors import LorahubError, NetworkFailed
from lorahub.net import patience
from lorahub.net.connect import tls_context
from lorahub.net.session import Session
from support import programs


@pytest.fixture(autouse=True)
def _fresh(own_place, monkeypatch):
    monkeypatch.setattr(patience, "FIRST_WAIT", 0.01)
    tls_context.cache_clear()
    yield
    tls_context.cache_clear()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate of our own for 127.0.0.1, in one file with its key."""
    openssl = programs.need("openssl", package="openssl")
    file = tmp_path_factory.mktemp("tls") / "hub.pem"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += [
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=hub",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
    ]
    subprocess.run(
        [*command, "-keyout", file, "-out", f"{file}.crt"], check=True, capture_output=True
    )
    file.write_bytes(file.read_bytes() + file.with_name("hub.pem.crt").read_bytes())
    return file


@pytest.fixture
def secure(fake, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return fake({"a.txt": b"text"}, tls=context)


class Proxy:
    """Connects wherever it is asked to; wants a password if it has one."""

    def __init__(self, password: str | None = None) -> None:
        self.password = password
        self.heads: list[bytes] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += near.recv(65536)
        self.heads.append(head)
        wanted = base64.b64encode(f"me:{self.password}".encode())
        if self.password and b"Proxy-Authorization: Basic " + wanted not in head:
            near.sendall(b"HTTP/1.1 407 Proxy Auth Required\r\nContent-Length: 0\r\n\r\n")
            near.close()
            return
        method, target, _ = head.split(b" ", 2)
        tunnel = method == b"CONNECT"
        address = target if tunnel else target.split(b"/")[2]
        host, port = address.decode().split(":")
        far = socket.create_connection((host, int(port)))
        if tunnel:
            near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            far.sendall(head)
        while True:
            for ready in select.select([near, far], [], [])[0]:
                data = ready.recv(65536)
                if not data:
                    near.close()
                    far.close()
                    return
                (far if ready is near else near).sendall(data)


@pytest.fixture
def proxy():
    proxies = []

    def start(password=None):
        proxies.append(Proxy(password))
        return proxies[-1]

    yield start
    for each in proxies:
        each.close()


def name_of(endpoint):
    return Session(endpoint, "lh_secret").json("GET", "api/hub/v1/whoami")["name"]


def test_an_unknown_certificate_is_refused_at_once(secure):
    with pytest.raises(NetworkFailed, match="SSL_CERT_FILE") as caught:
        name_of(secure.endpoint)
    assert caught.value.code == "certificate"
    assert secure.asked == []


def test_ssl_cert_file_makes_it_known(secure, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert name_of(secure.endpoint) == "alice"


def test_a_name_that_does_not_fit_is_refused(secure, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with pytest.raises(NetworkFailed, match="certificate"):
        name_of(secure.endpoint.replace("127.0.0.1", "localhost"))


def test_ssl_cert_file_that_is_not_there(secure, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    with pytest.raises(LorahubError, match=r"/nowhere\.pem"):
        name_of(secure.endpoint)


def test_http_through_a_proxy(fake, proxy, monkeypatch):
    hub, way = fake(), proxy()
    monkeypatch.setenv("HTTP_PROXY", way.url)
    assert name_of(hub.endpoint) == "alice"
    assert way.heads[0].startswith(b"GET http://127.0.0.1:%d/api" % hub.port)
    assert hub.asked[0][2]["Host"] == f"127.0.0.1:{hub.port}"


def test_https_through_a_proxy_is_a_tunnel(secure, proxy, certificate, monkeypatch):
    way = proxy()
    monkeypatch.setenv("HTTPS_PROXY", way.url)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert name_of(secure.endpoint) == "alice"
    assert way.heads[0].startswith(b"CONNECT 127.0.0.1:%d " % secure.port)
    assert b"lh_secret" not in b"".join(way.heads)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_with_a_password(scheme, fake, secure, proxy, certificate, monkeypatch):
    way = proxy("s cret")
    hub = secure if scheme == "https" else fake()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setenv(f"{scheme}_proxy", f"http://me:s%20cret@127.0.0.1:{way.port}")
    assert name_of(hub.endpoint) == "alice"
    # It is for the proxy alone.
    assert "Proxy-Authorization" not in hub.asked[0][2] or scheme == "http"


def test_a_proxy_that_refuses_is_named_without_its_password(secure, proxy, monkeypatch):
    way = proxy("right")
    monkeypatch.setenv("https_proxy", f"http://me:wrong@127.0.0.1:{way.port}")
    with pytest.raises(NetworkFailed, match="407") as caught:
        name_of(secure.endpoint)
    assert way.url in str(caught.value)
    assert "wrong" not in str(caught.value)
    assert len(way.heads) == 1  # asking again would change nothing


def test_a_proxy_that_is_not_there(fake, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{programs.free_port()}")
    with pytest.raises(NetworkFailed, match="through the proxy"):
        name_of(fake().endpoint)


def test_no_proxy_goes_straight(fake, proxy, monkeypatch):
    hub, way = fake(), proxy()
    monkeypatch.setenv("http_proxy", way.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert name_of(hub.endpoint) == "alice"
    assert way.heads == []
