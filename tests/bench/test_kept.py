"""What a kept answer costs beside the same bytes from a file by nginx, and by uvicorn with no hub.

Requests for each second of the servers' CPU time: other work on the machine then counts for little.
All are asked by wrk over 32 connections, by turns.
"""

import getpass
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import pytest

from support import hf, programs
from support.inside import adapter
from support.server import Hub

pytestmark = [
    pytest.mark.bench,
    pytest.mark.skipif(
        not (shutil.which("wrk") and shutil.which("nginx")), reason="needs wrk and nginx"
    ),
]
ROUNDS = 5
SECONDS = 3
LIST = "/api/models?limit=30"
_TICK = os.sysconf("SC_CLK_TCK")
_CONF = """
user {user};
worker_processes 1;
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  types {{ application/json json; }}
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port}; root {folder}/files; keepalive_requests 100000000; }}
}}
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    hub = Hub(tmp_path_factory.mktemp("kept") / "hub", {"LORAHUB_WORKERS": "0"})
    hub.start()
    alice = hub.add_account("alice")
    for number in range(30):
        hf.create(alice, f"repo-{number}").expect(200)
        oid = hf.send(alice, f"alice/repo-{number}", adapter(number))
        hf.commit(alice, f"alice/repo-{number}", hf.large("w.safetensors", oid)).expect(200)
    yield hub
    hub.close()


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str, Path]]:
    port = programs.free_port()
    (tmp_path / "files").mkdir()
    conf = tmp_path / "nginx.conf"
    conf.write_text(_CONF.format(folder=tmp_path, port=port, user=getpass.getuser()))
    process = subprocess.Popen(["nginx", "-c", str(conf), "-p", str(tmp_path)])
    programs.wait((tmp_path / "pid").exists, "nginx to start")
    yield process, f"http://127.0.0.1:{port}", tmp_path / "files"
    process.terminate()
    process.wait()


@pytest.fixture
def bare(hub: Hub, tmp_path: Path) -> Iterator[tuple[int, str]]:
    """The bytes of the list from an application that does nothing else."""
    body, port = tmp_path / "body", programs.free_port()
    body.write_bytes(hub.anonymous.get(LIST).expect(200).body)
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "support.bare_asgi:app", "--port", str(port),
         "--no-access-log", "--log-level", "warning", "--lifespan", "off"],
        env={**os.environ, "BARE_BODY": str(body), "PYTHONPATH": str(Path(__file__).parents[1])},
    )  # fmt: skip

    def answers() -> bool:
        with socket.socket() as line:
            return line.connect_ex(("127.0.0.1", port)) == 0

    programs.wait(answers, "uvicorn to start")
    yield process.pid, f"http://127.0.0.1:{port}/"
    process.terminate()
    process.wait()


def family(pid: int) -> list[int]:
    """Return a process and all that it started."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += family(int(child))
    return found


def cpu_seconds(pid: int) -> float:
    used = 0
    for one in family(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        used += int(fields[11]) + int(fields[12])
    return used / _TICK


def asked(url: str, pid: int, *headers: str) -> float:
    """Return the requests that were answered for each second of CPU time of the server."""
    before = cpu_seconds(pid)
    options = [word for header in headers for word in ("-H", header)]
    said = subprocess.run(
        ["wrk", "-t1", "-c32", f"-d{SECONDS}s", *options, url],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "Non-2xx" not in said
    (line,) = [one for one in said.splitlines() if "requests in" in one]
    return int(line.split()[0]) / (cpu_seconds(pid) - before)


def in_turns(works: dict[str, Callable[[], float]]) -> dict[str, float]:
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            found[name].append(work())
    return {name: median(each) for name, each in found.items()}


def test_a_kept_list_beside_a_file(hub: Hub, nginx, bare) -> None:
    process, static, folder = nginx
    answer = hub.anonymous.get(LIST).expect(200)
    (folder / "list.json").write_bytes(answer.body)
    (folder / "page.html").write_bytes(hub.anonymous.get("/").expect(200).body)
    etag = f"If-None-Match: {answer.headers['ETag']}"
    found = in_turns(
        {
            "nginx": lambda: asked(f"{static}/list.json", process.pid),
            "bare": lambda: asked(bare[1], bare[0]),
            "list": lambda: asked(hub.endpoint + LIST, hub.pid),
            "list, unchanged": lambda: asked(hub.endpoint + LIST, hub.pid, etag),
            "page": lambda: asked(f"{hub.endpoint}/", hub.pid),
        }
    )
    print(f"\n{len(answer.body)} bytes")
    for name, number in found.items():
        of_nginx, of_bare = number / found["nginx"], number / found["bare"]
        print(f"{name:>16}: {number:8.0f} a CPU second, {of_nginx:.3f} nginx, {of_bare:.2f} bare")
    assert found["list"] >= 0.25 * found["bare"]
    assert found["list, unchanged"] >= 0.3 * found["bare"]
