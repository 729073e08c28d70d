"""Pulls that end in the middle, and pulls at the same time."""

import os
import signal
import time

import pytest

from support import programs

MB = 1024 * 1024
WEIGHTS = os.urandom(30 * MB)
FILES = {"README.md": b"# Style\n", "adapter.safetensors": WEIGHTS}
SLACK = 4 * MB  # what was on its way, or not yet noted down, on four connections


@pytest.fixture
def hub(fake):
    return fake(FILES)


def begin(client, hub, part=0.5, seconds_per_mb=0.2):
    """Start a pull and wait until a part of the large file is sent."""
    hub.seconds_per_mb = seconds_per_mb
    process = client.use(hub.endpoint).start("pull", "alice/style")
    programs.wait(
        lambda: hub.sent["adapter.safetensors"] > part * len(WEIGHTS), "half the file", 60
    )
    return process


def test_killed_and_resumed(client, hub):
    process = begin(client, hub)
    client.kill(process)
    hub.seconds_per_mb = 0
    time.sleep(0.3)  # the server's threads notice
    assert client.files() == {}
    had = sum(
        int(end) - int(start)
        for state in (client.cache / "parts").glob("*.state")
        for start, end in (line.split() for line in state.read_text().splitlines()[1:])
    )
    assert had > 0.5 * len(WEIGHTS) - SLACK
    hub.sent.clear()
    done = client.ends(0, "pull", "alice/style")
    assert client.files("style") == FILES
    # Not one byte that was there is fetched again.
    assert hub.sent["adapter.safetensors"] == len(WEIGHTS) - had
    assert "fetched and verified" in done.stderr
    assert list((client.cache / "parts").iterdir()) == []


def test_killed_again_and_again(client, hub):
    for part in (0.3, 0.5, 0.7):
        client.kill(begin(client, hub, part))
    hub.seconds_per_mb = 0
    client.ends(0, "pull", "alice/style")
    assert client.files("style") == FILES
    assert hub.sent["adapter.safetensors"] < len(WEIGHTS) + 3 * SLACK


def test_what_was_left_is_damaged(client, hub):
    client.kill(begin(client, hub))
    hub.seconds_per_mb = 0
    part = next((client.cache / "parts").glob("*.part"))
    with part.open("r+b") as file:
        file.write(b"damaged")
    done = client.ends(0, "pull", "alice/style")
    assert "damaged" in done.stderr
    assert client.files("style") == FILES


def test_ctrl_c_says_how_to_go_on(client, hub):
    process = begin(client, hub, 0.2, seconds_per_mb=0.8)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "run the same command again" in said
    assert "Traceback" not in said
    hub.seconds_per_mb = 0
    hub.sent.clear()
    client.ends(0, "pull", "alice/style")
    assert hub.sent["adapter.safetensors"] < 0.9 * len(WEIGHTS)


def test_two_at_once_fetch_it_once(client, hub):
    one = begin(client, hub, 0.2)
    two = client.start("pull", "alice/style", "--to", "second")
    programs.wait(lambda: len(hub.paths("/manifest/")) == 2, "the second to begin")
    time.sleep(0.5)  # until it finds the file taken
    hub.seconds_per_mb = 0
    for process in (one, two):
        _out, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
    assert "another pull is fetching it" in said
    assert client.files("style") == client.files("second") == FILES
    assert hub.sent["adapter.safetensors"] == len(WEIGHTS)


def test_the_second_goes_on_when_the_first_is_killed(client, hub):
    one = begin(client, hub, 0.3)
    two = client.start("pull", "alice/style", "--to", "second")
    programs.wait(lambda: len(hub.paths("/manifest/")) == 2, "the second to begin")
    client.kill(one)
    hub.seconds_per_mb = 0
    _, said = two.communicate(timeout=60)
    assert two.returncode == 0, said
    assert client.files("second") == FILES
    assert hub.sent["adapter.safetensors"] < len(WEIGHTS) + SLACK


def test_many_at_once_into_one_folder(client, hub):
    client.use(hub.endpoint)
    started = [client.start("pull", "alice/style") for _ in range(4)]
    for process in started:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    assert client.files("style") == FILES
    assert hub.sent["adapter.safetensors"] == len(WEIGHTS)


def test_what_lies_around_too_long_is_swept(client, hub):
    client.kill(begin(client, hub, 0.1))
    hub.seconds_per_mb = 0
    old = time.time() - 20 * 86400
    for path in (client.cache / "parts").iterdir():
        os.utime(path, (old, old))
    client.ends(0, "pull", "alice/style", "--file", "README.md")
    assert list((client.cache / "parts").iterdir()) == []
