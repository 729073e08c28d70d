"""Install a wheel into bare environments and use it: check_wheel.py WHEEL FOLDER.

The client must come alone; the server must serve its pages and files without torch.
"""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

_PATIENCE_S = 60


def environment(folder: Path, what: str) -> Path:
    """Install `what` into a new environment; return its folder of programs."""
    run(sys.executable, "-m", "venv", folder)
    pip = (folder / "bin/python", "-m", "pip", "--disable-pip-version-check", "--no-input")
    run(*pip, "install", "--quiet", what)
    return folder / "bin"


def run(*command: object) -> str:
    words = [str(word) for word in command]
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout


def fail(reason: str) -> None:
    raise SystemExit(f"check_wheel: {reason}")


def check_client(bin_folder: Path) -> None:
    print(run(bin_folder / "lorahub", "--version").strip())
    packages = set(run(bin_folder / "python", "-m", "pip", "freeze", "--all").split())
    others = {
        name for name in packages if re.match(r"(?!pip=|setuptools=|lorahub\b|@|file:)", name)
    }
    if others:
        fail(f"the client brings other packages: {sorted(others)}")


def check_server(bin_folder: Path, data: Path) -> None:
    run(bin_folder / "lorahub-server", "--help")
    found = run(
        bin_folder / "python", "-c", "import importlib.util as u; print(u.find_spec('torch'))"
    )
    if found.strip() != "None":
        fail("the server extra installs torch")
    env = {name: value for name, value in os.environ.items() if not name.startswith("LORAHUB_")}
    log = data.with_suffix(".log")
    with log.open("w") as said:
        server = subprocess.Popen(
            [bin_folder / "lorahub-server", "serve", "--port", "0"],
            env=env | {"LORAHUB_DATA": str(data)},
            stdin=subprocess.DEVNULL,
            stderr=said,
        )
    try:
        endpoint = address(log, server)
        check_pages(endpoint)
    except BaseException:
        print(log.read_text()[-4000:], file=sys.stderr)
        raise
    finally:
        server.send_signal(signal.SIGINT)
        code = server.wait(_PATIENCE_S)
    if code:
        fail(f"the server ended with code {code} after SIGINT")


def address(log: Path, server: "subprocess.Popen[bytes]") -> str:
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end and server.poll() is None:
        if found := re.search(r"listens on (http://\S+)", log.read_text()):
            return found[1]
        time.sleep(0.1)
    fail("the server did not say where it listens")
    raise AssertionError


def check_pages(endpoint: str) -> None:
    """The front page and the style sheet and scripts that it asks for are in the wheel."""
    page = get(endpoint + "/")
    wanted = re.findall(r'(?:href|src)="(/[^"]+\.(?:css|js)[^"]*)"', page)
    if not wanted:
        fail("the front page asks for no style sheet")
    for path in wanted:
        get(endpoint + path)
    get(endpoint + "/api/hub/v1/health")
    get(endpoint + "/api/hub/openapi.json")
    print(f"the front page and its {len(wanted)} files are served")


def get(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        fail(f"{url} answers {error.code}")
        raise


def main(wheel: Path, scratch: Path) -> None:
    check_client(environment(scratch / "client", str(wheel)))
    check_server(environment(scratch / "server", f"{wheel}[server]"), scratch / "data-of-wheel")
    print("the wheel is good")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
