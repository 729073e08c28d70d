"""`make demo` as a newcomer runs it, with a base and adapters made by chance."""

import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from catalogue import ITEMS

from support import programs
from support.http import Api

DEMO = Path(__file__).parents[2] / "demo" / "demo.py"


class Demo:
    def __init__(self, data: Path, base: Path, trained: Path) -> None:
        self.port = programs.free_port()
        self.words = ["--data", str(data), "--port", str(self.port), "--base", str(base)]
        self.words += ["--adapters", str(trained)]
        self.said = data.with_suffix(".txt")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Demo":
        with self.said.open("wb") as told:
            self.process = subprocess.Popen(
                [sys.executable, str(DEMO), *self.words], stdout=told, stderr=told,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )  # fmt: skip
        return self

    def until(self, words: str, seconds: float) -> str:
        def found() -> bool:
            assert self.process is not None
            if words in self.said.read_text():
                return True
            assert self.process.poll() is None, self.said.read_text()
            return False

        programs.wait(found, f"the demo to say {words!r}", seconds, 0.2)
        return self.said.read_text()

    def end(self) -> int:
        assert self.process is not None
        return programs.end(self.process, signal.SIGINT, 60)


@pytest.mark.slow
def test_a_newcomer_sees_a_library_and_ends_it(tmp_path, base, trained):
    demo = Demo(tmp_path / "data", base, trained).start()
    try:
        said = demo.until("All is there", 280)
        assert said.count("published") == len(ITEMS)
        hub = Api(f"http://127.0.0.1:{demo.port}")
        found = hub.get("repos").json()["items"]
        assert {one["id"] for one in found} == {item.repo for item in ITEMS}
        assert {one["health"] for one in found} == {"ok"}
        for item in ITEMS:
            previews = hub.get(f"repos/{item.repo}/previews").json()["items"]
            assert previews
            assert {one["made"]["state"] for one in previews} == {"done"}
        assert f"http://127.0.0.1:{demo.port}" in said
        assert demo.end() == 0
        assert not hub_answers(hub)

        again = demo.start().until("All is there", 120)
        assert again.count("is there already") == len(ITEMS)
    finally:
        demo.end()


def test_what_is_missing_is_said(tmp_path, trained):
    demo = Demo(tmp_path / "data", tmp_path / "nowhere", trained).start()
    assert demo.process is not None
    assert demo.process.wait(60) == 1
    assert "holds no base model" in demo.said.read_text()
    assert not (tmp_path / "data").exists()


def test_a_port_that_somebody_has(tmp_path, trained):
    class Health(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()

    base = tmp_path / "base"
    base.mkdir()
    (base / "model_index.json").write_text("{}")
    demo = Demo(tmp_path / "data", base, trained)
    with HTTPServer(("127.0.0.1", demo.port), Health) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        process = demo.start().process
        assert process is not None
        assert process.wait(60) == 1
        other.shutdown()
    assert "take another port" in demo.said.read_text()


def hub_answers(hub: Api) -> bool:
    try:
        return hub.get("health").status == 200
    except OSError:
        return False
