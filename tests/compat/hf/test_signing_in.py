"""Signing the client in: with a token, and from a browser, as a person types it."""

import os
import pty
import re
import select
import subprocess
import time

import pytest

from support.hf_clients import Client, Shell
from support.person import Person
from support.server import PASSWORD

pytestmark = pytest.mark.slow

SECONDS = 30


KINDS = ["0.36", "1.19", "1.x-xet", "2.4-xet"]


@pytest.fixture(params=KINDS)
def shell(request, make_client, crowd) -> Shell:
    """The command of somebody without a token."""
    return Shell(make_client(request.param, crowd.endpoint, None))


def test_a_token_from_a_file(shell: Shell, alice) -> None:
    """The token comes from a file that the client writes, and from no variable."""
    assert "nvalid" in shell("auth", "login", "--token", "hf_wrong", code=1)
    assert "ot logged in" in shell("auth", "whoami", code=None)
    shell("auth", "login", "--token", alice.token)
    assert "alice" in shell("auth", "whoami")
    assert alice.token[-4:] in shell("auth", "list")
    called = alice.get("whoami").json()["token"]["name"]
    shell("auth", "switch", "--token-name", called)
    shell("auth", "logout")
    assert "ot logged in" in shell("auth", "whoami", code=None)


class Terminal:
    """A command in a terminal of its own, so that it asks what it asks people."""

    def __init__(self, client: Client, *words: str) -> None:
        self._screen, theirs = pty.openpty()
        self.said = ""
        self._process = subprocess.Popen(
            [client.python.with_name("hf"), *words],
            env={**client.env, "TERM": "xterm", "COLUMNS": "200"},
            cwd=client.home,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            close_fds=True,
            start_new_session=True,
        )
        os.close(theirs)

    def until(self, pattern: str) -> str:
        """Return what the pattern finds, as soon as it is on the screen."""
        end = time.monotonic() + SECONDS
        while not (found := re.search(pattern, self.said)):
            assert time.monotonic() < end, self.said
            assert self._more(), self.said
        return found[0]

    def type(self, text: str) -> None:
        os.write(self._screen, text.encode())

    def end(self) -> int:
        while self._more():
            pass
        os.close(self._screen)
        return self._process.wait(SECONDS)

    def _more(self) -> bool:
        ready, _, _ = select.select([self._screen], [], [], SECONDS)
        try:
            data = os.read(self._screen, 65536) if ready else b""
        except OSError:  # nobody holds the other end any more
            return False
        self.said += data.decode(errors="replace")
        return bool(data)


@pytest.mark.parametrize("kind", ["1.x-xet", "2.4-xet"])
def test_from_a_browser(make_client, crowd, alice, kind) -> None:
    client = make_client(kind, crowd.endpoint, None)
    terminal = Terminal(client, "auth", "login")
    terminal.until("Paste an access token")
    time.sleep(0.3)
    terminal.type("\r")
    code = terminal.until(r"\b[B-Z]{4}-[B-Z]{4}\b")
    assert f"{crowd.endpoint}/device?code={code}" in terminal.said
    browser = Person(web=crowd.anonymous)
    page = browser.visit(f"/device?code={code}")
    page = browser.send(page.form("/login"), name="alice", password=PASSWORD)
    page = browser.send(page.form("/device"))
    assert "Asked from 127.0.0.1" in page.text
    page = browser.send(page.form("/device/answer"), answer="approve", name=f"laptop {kind}")
    assert page.status == 200
    terminal.until("Login successful|logged in as")
    assert terminal.end() == 0, terminal.said
    shell = Shell(client)
    assert "alice" in shell("auth", "whoami")
    tokens = browser.visit("/settings/tokens").text
    assert f"laptop {kind} read and write" in tokens
    repo = f"alice/by-browser-{kind.replace('.', '-')}"
    shell("repo" if kind.startswith("1") else "repos", "create", repo)
    # The one who revokes the token signs the program out.
    page = browser.visit("/settings/tokens")
    newest = next(form for form in page.forms if form.action == "/settings/tokens/revoke")
    browser.send(newest)
    assert "alice" not in shell("auth", "whoami", code=None)
