"""Starts a hub with a worker, fills it with rendered adapters, and serves it until Ctrl-C.

    python demo/demo.py [--data FOLDER] [--port PORT]

Everything is kept in FOLDER (./demo-data); run again, it goes on from there.
"""

import argparse
import http.client
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from catalogue import BASE_ID, BASE_OPTIONS, ITEMS, OWNERS
from export import HERE
from publish import publish, watch

_SERVER = Path(sys.executable).with_name("lorahub-server")
_START_S = 60
_END_S = 30


class DemoError(Exception):
    """The demo can't go on; the message says what to do."""


class DemoHub:
    """A hub of its own in a folder."""

    def __init__(self, data: Path, port: int) -> None:
        self.data = data.absolute()
        self.port = port
        self.endpoint = f"http://127.0.0.1:{port}"
        self.env = {
            **{
                name: value for name, value in os.environ.items() if not name.startswith("LORAHUB_")
            },
            "LORAHUB_DATA": str(self.data),
            "LORAHUB_HOST": "127.0.0.1",
            "LORAHUB_PORT": str(port),
            "LORAHUB_GPU_WORKERS": "1",
        }
        self.process: subprocess.Popen[bytes] | None = None

    def prepare(self, base: Path) -> dict[str, str]:
        """Make the tables, the accounts and the base's entry; return the owners' tokens."""
        if not (base / "model_index.json").is_file():
            raise DemoError(
                f"{base} holds no base model. Get the whole repository, with demo/base."
            )
        if self._answers():
            raise DemoError(
                f"Something answers at {self.endpoint} already. End it, or take another port: "
                'make demo ARGS="--port 9000"'
            )
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._server("migrate")
        self._add_base(base)
        return self._accounts()["tokens"]

    def password(self) -> str:
        return str(self._accounts()["password"])

    def start(self) -> None:
        """Start the hub. Raises DemoError when it does not come up."""
        log = self.data / "hub.log"
        # In a session of its own: Ctrl-C reaches it through `end`, once.
        with log.open("wb") as told:
            self.process = subprocess.Popen(
                [_SERVER, "serve"], env=self.env, stdout=told, stderr=told, start_new_session=True
            )
        until = time.monotonic() + _START_S
        while time.monotonic() < until:
            if self.process.poll() is not None:
                says = [line for line in log.read_text().splitlines() if line.startswith("Error: ")]
                why = says[0].removeprefix("Error: ") if says else f"It did not start; see {log}."
                raise DemoError(why)
            if self._answers():
                return
            time.sleep(0.2)
        raise DemoError(f"The hub does not answer; see {log}.")

    def wait(self) -> int:
        assert self.process is not None
        return self.process.wait()

    def end(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def _accounts(self) -> dict:
        kept = self.data / "demo.json"
        if kept.exists():
            return json.loads(kept.read_text())
        password = secrets.token_urlsafe(9)
        tokens = {}
        for owner in OWNERS:
            words = ["accounts", "add", owner, "--password-stdin", "--token"]
            if owner == OWNERS[0]:
                words.append("--admin")
            tokens[owner] = self._server(*words, given=f"{password}\n").split()[-1]
        kept.touch(mode=0o600)
        kept.write_text(json.dumps({"password": password, "tokens": tokens}))
        return {"password": password, "tokens": tokens}

    def _add_base(self, base: Path) -> None:
        listed = self._server("bases", "list")
        if any(line.split()[:1] == [BASE_ID] for line in listed.splitlines()):
            return
        options = [word for key, value in BASE_OPTIONS.items() for word in (f"--{key}", value)]
        self._server("bases", "add", BASE_ID, "--source", str(base.absolute()), *options)

    def _server(self, *words: str, given: str = "") -> str:
        done = subprocess.run(
            [_SERVER, *words], env=self.env, input=given, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        if done.returncode:
            told = done.stderr.strip().rpartition("\n")[2].removeprefix("Error: ")
            raise DemoError(f"{told}\nTo begin anew, delete {self.data}.")
        return done.stdout

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/api/hub/v1/health")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


def run(hub: DemoHub, base: Path, adapters: Path) -> None:
    """Fill the hub, tell how far it is, and stay until it ends."""
    began = time.monotonic()
    print("Starting a hub with a worker ...", flush=True)
    tokens = hub.prepare(base)
    hub.start()
    publish(hub.endpoint, tokens, items=ITEMS, adapters=adapters)
    print(f"\n  {hub.endpoint}\n", flush=True)
    print(f"Sign in as {OWNERS[0]} with the password {hub.password()}.", flush=True)
    for done, total in watch(hub.endpoint):
        print(f"\r{done} of {total or '...'} previews are rendered ", end="", flush=True)
    print(f"\nAll is there, after {time.monotonic() - began:.0f} s. Ctrl-C ends it.", flush=True)
    hub.wait()


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Start a hub that is full of rendered adapters.")
    parser.add_argument("--data", type=Path, default=Path("demo-data"), metavar="FOLDER")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--base", type=Path, default=HERE / "base", metavar="FOLDER")
    parser.add_argument("--adapters", type=Path, default=HERE / "adapters", metavar="FOLDER")
    options = parser.parse_args(words)
    for number in (signal.SIGINT, signal.SIGTERM):
        # SIGINT too: who starts this in the background has it ignored.
        signal.signal(number, _interrupt)
    hub = DemoHub(options.data, options.port)
    try:
        run(hub, options.base, options.adapters)
    except KeyboardInterrupt:
        print("\nThe demo ends. `make demo` goes on with it.", flush=True)
    except DemoError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    finally:
        hub.end()
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
