"""`lorahub-server serve` as a real process, ended in every way."""

import os
import signal
import socket
import stat
import time

import pytest


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_first_start_says_what_to_do_and_ctrl_c_ends_it(hub) -> None:
    server = hub.serve()
    for said in (
        f"http://127.0.0.1:{hub.port}",
        str(hub.data),
        "/signup",
        f"LORAHUB_DATA={hub.data} ",
        "lorahub-server accounts add NAME --admin",
        "lorahub push",
        "lorahub pull",
    ):
        assert said in hub.said
    assert hub.get("/api/hub/v1/health")[0] == 200
    assert stat.S_IMODE(hub.data.stat().st_mode) == 0o700
    children = hub.children(server)
    assert len(children) >= 2
    began = time.monotonic()
    code, said = hub.end(server)
    assert code == 0
    assert time.monotonic() - began < 3
    assert "Traceback" not in said
    assert all(gone(pid) for pid in children)
    assert list((hub.data / "run").iterdir()) == []


@pytest.mark.slow
def test_a_restart_goes_on_where_it_was(hub) -> None:
    hub.end(hub.serve())
    made = hub.run("accounts", "add", "alice", "--password-stdin", given="correct-horse-9\n")
    assert made.returncode == 0, made.stderr
    server = hub.serve()
    assert "accounts add" not in hub.said  # there is one already
    assert hub.get("/api/hub/v1/health")[0] == 200
    assert hub.end(server, signal.SIGTERM)[0] == 0


def test_a_port_in_use(hub) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = hub.run("serve", "--port", str(port))
    assert done.returncode == 1
    assert f"Port {port} on 127.0.0.1 is in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_two_servers_do_not_share_a_folder(hub) -> None:
    server = hub.serve()
    done = hub.run("serve", "--port", "0")
    assert done.returncode == 1
    assert f"A hub (process {server.pid}) already works in" in done.stderr
    assert hub.get("/api/hub/v1/health")[0] == 200
    assert hub.end(server)[0] == 0


def test_an_unusable_folder(hub, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    hub.env["LORAHUB_DATA"] = str(tmp_path / "file" / "below")
    done = hub.run("serve", "--port", "0")
    assert done.returncode == 1
    assert "Set LORAHUB_DATA to a folder of yours" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_crashed_processes_come_back(hub, until) -> None:
    server = hub.serve()
    before = hub.children(server)
    for pid in before:
        os.kill(pid, signal.SIGKILL)

    def answers() -> bool:
        try:
            return hub.get("/api/hub/v1/health")[0] == 200
        except OSError:
            return False

    until(lambda: len(set(hub.children(server)) - set(before)) == len(before))
    until(answers)
    code, said = hub.end(server)
    assert code == 0
    assert "process_ended" in said


@pytest.mark.slow
def test_nothing_outlives_a_killed_server(hub, until) -> None:
    server = hub.serve()
    children = hub.children(server)
    server.kill()
    server.wait()
    until(lambda: all(gone(pid) for pid in children), 6)
    again = hub.serve()  # the lock died with its holder
    assert hub.end(again)[0] == 0


@pytest.mark.slow
def test_several_web_processes(hub) -> None:
    server = hub.serve("--workers-of-web", "2", "--job-workers", "0")
    children = hub.children(server)
    assert len(children) == 2
    assert all("cli.web" in command for command in children.values())
    assert hub.get("/api/hub/v1/health")[0] == 200
    assert hub.end(server)[0] == 0
    assert all(gone(pid) for pid in children)


def open_request(hub) -> socket.socket:
    """Begin a request whose body never comes."""
    client = socket.create_connection(("127.0.0.1", hub.port))
    client.sendall(
        b"PUT /api/hub/v1/repos/alice/x/raw/main/x.safetensors?create=1 HTTP/1.1\r\n"
        b"Host: hub\r\nContent-Length: 1000000\r\n\r\nbegin"
    )
    time.sleep(0.5)
    return client


@pytest.mark.slow
def test_ctrl_c_with_an_open_transfer(hub) -> None:
    server = hub.serve()
    with open_request(hub):
        began = time.monotonic()
        code, said = hub.end(server)
    assert code == 0
    assert time.monotonic() - began < 6
    assert "Traceback" not in said


@pytest.mark.slow
def test_a_second_ctrl_c_ends_at_once(hub) -> None:
    server = hub.serve()
    children = hub.children(server)
    with open_request(hub):
        began = time.monotonic()
        server.send_signal(signal.SIGINT)
        time.sleep(0.2)
        code, _ = hub.end(server)
    assert code == 0
    assert time.monotonic() - began < 1.5
    assert all(gone(pid) for pid in children)
