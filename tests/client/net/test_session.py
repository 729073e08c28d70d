"""Requests against a server that misbehaves."""

import email.utils
import socket
import threading
import time

import pytest

from lorahub.errors import NetworkFailed, NotFound, Unavailable, UsageError
from lorahub.net import patience
from lorahub.net.session import Session

pytestmark = pytest.mark.usefixtures("own_place")


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(patience, "FIRST_WAIT", 0.01)


@pytest.fixture
def serve():
    """A server on a raw socket: `serve(function)` calls it with each connection."""
    sockets = []

    def start(talk):
        server = socket.create_server(("127.0.0.1", 0))
        sockets.append(server)

        def accept():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=talk, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return f"http://127.0.0.1:{server.getsockname()[1]}"

    yield start
    for server in sockets:
        server.close()


def whole_request(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        received = connection.recv(65536)
        if not received:
            return data
        data += received
    return data


def test_a_connection_serves_many_requests(fake):
    hub = fake()
    session = Session(hub.endpoint)
    for _ in range(5):
        assert session.json("GET", "api/hub/v1/whoami")["name"] == "alice"
    assert hub.connections == 1
    session.close()


def test_a_connection_that_was_closed_meanwhile_is_replaced(serve):
    def talk(connection):
        whole_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        connection.close()

    session = Session(serve(talk))
    for _ in range(3):
        assert session.json("POST", "x", {}) == {}


def test_busy_answers_are_asked_again(fake):
    hub = fake()
    hub.refusals = [(503, {}), (429, {"Retry-After": "0"}), (502, {})]
    notes = []
    session = Session(hub.endpoint, notify=notes.append)
    assert session.json("GET", "api/hub/v1/whoami")["name"] == "alice"
    assert len(hub.asked) == 4
    assert "503" in notes[0]


def test_other_errors_are_not_asked_again(fake):
    hub = fake()
    with pytest.raises(NotFound) as caught:
        Session(hub.endpoint).json("GET", "api/hub/v1/repos/a/b")
    assert caught.value.code == "repo_not_found"
    assert caught.value.request_id == "r-1"
    assert len(hub.asked) == 1


def test_it_gives_up_in_the_end(fake):
    hub = fake()
    hub.refusals = [(503, {})] * 10
    with pytest.raises(Unavailable):
        Session(hub.endpoint).json("GET", "x")
    assert len(hub.asked) == 4


def test_retry_after_is_kept(fake):
    hub = fake()
    hub.refusals = [(503, {"Retry-After": "1"})]
    began = time.monotonic()
    Session(hub.endpoint).json("GET", "api/hub/v1/whoami")
    assert time.monotonic() - began >= 1


def test_nobody_waits_for_an_hour(fake):
    hub = fake()
    hub.refusals = [(429, {"Retry-After": "3600"})]
    with pytest.raises(Unavailable):
        Session(hub.endpoint).json("GET", "x")
    assert len(hub.asked) == 1


def test_retry_after_may_be_a_date():
    from http.client import HTTPMessage

    headers = HTTPMessage()
    assert patience.asked_wait(headers) is None
    headers["Retry-After"] = email.utils.formatdate(time.time() + 30, usegmt=True)
    assert 25 < (patience.asked_wait(headers) or 0) <= 30
    del headers["Retry-After"]
    headers["Retry-After"] = "soon"
    assert patience.asked_wait(headers) is None


def test_an_answer_that_breaks_off_is_asked_for_again(serve):
    answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", b"HTT", b""]

    def talk(connection):
        whole_request(connection)
        full = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
        connection.sendall(answers.pop(0) if answers else full)
        connection.close()

    assert Session(serve(talk)).json("GET", "x") == {}
    assert answers == []


def test_nobody_there(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(NetworkFailed, match="nothing listens"):
        Session(f"http://127.0.0.1:{port}").json("GET", "x")
    with pytest.raises(NetworkFailed, match="no machine of that name"):
        Session("http://no-such-host.invalid").json("GET", "x")


def test_silence_ends_with_a_timeout(serve, monkeypatch):
    monkeypatch.setenv("LORAHUB_TIMEOUT", "1")
    monkeypatch.setenv("LORAHUB_RETRIES", "0")
    with pytest.raises(NetworkFailed, match="no answer in time"):
        Session(serve(lambda connection: time.sleep(5))).json("GET", "x")


def test_an_answer_that_is_no_json(serve):
    def talk(connection):
        whole_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>")

    with pytest.raises(NetworkFailed, match="did not answer as a LoRAHub"):
        Session(serve(talk)).json("GET", "x")


def test_a_refusal_before_the_whole_body_was_read(serve):
    """The server answers and closes while megabytes are still on their way."""

    def talk(connection):
        whole_request(connection)
        body = b'{"error": {"code": "too_large", "message": "Too much."}}'
        head = f"HTTP/1.1 413 No\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + body)
        connection.shutdown(socket.SHUT_WR)
        time.sleep(0.5)
        connection.close()

    session = Session(serve(talk))
    with (
        pytest.raises(Exception, match="Too much"),
        session.open("PUT", "x", body=bytes(2**25)) as a,
    ):
        a.check()


def test_bytes_are_not_sent_to_the_wrong_place(monkeypatch):
    monkeypatch.setenv("LORAHUB_TIMEOUT", "soon")
    with pytest.raises(UsageError):
        Session("http://127.0.0.1:1")
