"""The command line around pull and push."""

import json
import subprocess
import sys
import tomllib
from itertools import count
from pathlib import Path

import pytest

import lorahub
from lorahub.cli.main import COMMANDS
from support.inside import adapter, sha256
from support.source import ROOT

_numbers = count(1)


@pytest.fixture
def alice(shared_hub, client):
    client.name = f"cli{next(_numbers)}"
    client.api = shared_hub.add_account(client.name)
    return client.use(shared_hub.endpoint)


def test_help(client):
    done = client.ends(0, "--help")
    for name in COMMANDS:
        assert f"\n  {name} " in done.stdout
        shown = client.ends(0, name, "--help").stdout
        assert shown.startswith(f"usage: lorahub {name}")
    assert "Exit codes:" in done.stdout
    assert client.ends(0, "help", "pull").stdout == client.ends(0, "pull", "--help").stdout
    assert client.ends(0, "help").stdout == done.stdout
    assert client.ends(2).stderr == done.stdout


def test_the_version_is_the_distributions(client):
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert lorahub.__version__ == wanted
    assert client.ends(0, "--version").stdout == f"lorahub {wanted}\n"


def test_a_slip_of_the_pen(client):
    assert "pull" in client.ends(2, "pul", "a/b").stderr
    assert "--help" in client.ends(2, "xyzzy").stderr
    assert "--help" in client.ends(2, "pull", "a/b", "--qiet").stderr


def test_login_and_logout(alice, shared_hub):
    token = alice.api.token
    done = alice.ends(0, "login", "--token-stdin", given=token + "\n")
    assert f"as {alice.name}" in done.stderr
    assert token not in done.stdout + done.stderr
    del alice.env["LORAHUB_ENDPOINT"]  # the one signed in to is meant from now on
    assert alice.ends(0, "whoami").stdout.splitlines()[0] == alice.name
    assert alice.json("whoami")["endpoint"] == shared_hub.endpoint
    assert (alice.home / ".config" / "lorahub" / "logins.json").stat().st_mode & 0o777 == 0o600
    alice.ends(0, "logout")
    assert "No token" in alice.ends(0, "logout", LORAHUB_ENDPOINT=shared_hub.endpoint).stderr
    done = alice.ends(4, "whoami", LORAHUB_ENDPOINT=shared_hub.endpoint)
    assert "lorahub login" in done.stderr


def test_a_wrong_token_is_not_stored(alice):
    done = alice.ends(4, "login", "--token", "lh_wrong")
    assert "/settings/tokens" in done.stderr
    alice.ends(4, "whoami")
    alice.ends(2, "login", given="")
    alice.ends(2, "login", "--token-stdin", given="\n")


def test_a_token_by_netrc(alice):
    netrc = alice.home / ".netrc"
    netrc.write_text(f"machine 127.0.0.1 login x password {alice.api.token}\n")
    netrc.chmod(0o600)
    assert alice.ends(0, "whoami", "-q").stdout == f"{alice.name}\n"


def test_a_token_by_the_environment(alice):
    done = alice.ends(0, "whoami", LORAHUB_TOKEN=alice.api.token)
    assert "LORAHUB_TOKEN" in done.stdout


def test_repositories(alice, shared_hub):
    alice.env["LORAHUB_TOKEN"] = alice.api.token
    name = f"{alice}/made"
    assert alice.ends(0, "repo", "create", name).stdout == f"{shared_hub.endpoint}/{name}\n"
    alice.ends(1, "repo", "create", name)
    assert alice.json("repo", "visibility", name, "private")["private"] is True
    assert alice.json("repo", "visibility", name, "public")["private"] is False
    assert alice.json("repo", "rename", name, "other")["id"] == f"{alice}/other"
    assert "none yet" in alice.ends(0, "info", name).stdout
    assert "--yes" in alice.ends(2, "repo", "delete", name).stderr
    alice.ends(0, "repo", "delete", f"{alice}/other", "--yes")
    alice.ends(3, "info", f"{alice}/other")
    alice.api.publish(f"{alice}/source", {"README.md": b"# Source"})
    made = alice.ends(0, "repo", "fork", f"{alice}/source", "copied", "--private").stdout
    assert made == f"{shared_hub.endpoint}/{alice}/copied\n"
    made = alice.json("repo", "fork", f"{alice}/source", f"{alice}/again", "--default-branch")
    assert (made["forked_from"], made["private"]) == (f"{alice}/source", False)
    alice.ends(1, "repo", "fork", f"{alice}/source")
    alice.ends(2, "repo", "fork", "source")
    for words in (
        ("rename", name),
        ("create", name, "x"),
        ("visibility", name, "seen"),
        ("burn", name),
    ):
        alice.ends(2, "repo", *words)


def test_looking_around(alice, adapters):
    alice.env["LORAHUB_TOKEN"] = alice.api.token
    alice.ends(0, "push", adapters.kohya, f"{alice}/glass")
    listed = alice.json("list", "--owner", alice.name)["items"]
    assert [repo["id"] for repo in listed] == [f"{alice}/glass"]
    assert alice.ends(0, "ls", "--owner", alice.name, "-q").stdout == f"{alice}/glass\n"
    row = alice.ends(0, "search", "glass", "base:sd1", "--owner", alice.name).stdout
    assert "sd1" in row
    assert "Nothing" in alice.ends(0, "search", "glass", "base:sdxl").stderr
    assert "Nothing" in alice.ends(0, "list", "nothing-like-that-anywhere").stderr
    shown = alice.ends(0, "info", f"{alice}/glass").stdout
    assert adapters.kohya.name in shown
    assert "sd1" in shown
    alice.ends(3, "info", f"{alice}/nope")


def test_inspect(client, adapters):
    shown = client.ends(0, "inspect", adapters.kohya).stdout
    assert "LoRA for sd1 · kohya layout · rank 4 · alpha 4" in shown
    assert "SHA256" in shown
    assert "\x1b" not in shown
    told = client.json("inspect", adapters.peft("gpt2") / "adapter_model.safetensors")
    assert told["layout"] == "peft"
    assert told["alpha"] == 8  # from the configuration beside it
    assert told["modules"][0]["scale"] == 2
    folder = client.json("inspect", adapters.peft("gpt2"), "--header")
    assert [item["families"][0]["name"] for item in folder] == ["gpt2"]
    assert [item["measured"] for item in folder] == [False]


def test_inspect_refuses_with_a_sentence(client):
    (client.here / "x.pt").write_bytes(b"\x80\x04.")
    assert "Convert" in client.ends(5, "inspect", "x.pt").stderr
    assert client.json("inspect", "x.pt", code=5)["error"]["code"] == "pickle_refused"
    assert "lorahub info" in client.ends(3, "inspect", "alice/style").stderr
    client.ends(3, "inspect", ".nothing")


def test_the_full_look_says_what_it_needs(client, adapters):
    (client.here / "numpy.py").write_text("raise ImportError('no', name='numpy')")
    done = client.ends(1, "inspect", adapters.kohya, "--full", PYTHONPATH=str(client.here))
    assert "pip install 'lorahub[adapters]'" in done.stderr
    done = client.ends(0, "inspect", adapters.kohya, PYTHONPATH=str(client.here))
    assert "Only the header is read" in done.stderr
    assert "kohya layout" in done.stdout
    assert "SHA256" not in done.stdout
    quiet = client.ends(0, "inspect", adapters.kohya, "--header", PYTHONPATH=str(client.here))
    assert quiet.stderr == ""


def test_the_cache(client, fake):
    hub = fake({"a.txt": b"a" * 1000})
    client.use(hub.endpoint).ends(0, "pull", "alice/style", "-q")
    assert client.json("cache")["bytes"] == 1000
    assert "1.0 kB" in client.ends(0, "cache", "clear").stdout
    assert client.json("cache")["files"] == 0
    assert client.files("style") == hub.files


def test_output_that_nobody_reads_to_its_end(client, fake):
    hub = fake({f"{number}.txt": b"x" for number in range(50)})
    client.use(hub.endpoint)
    process = client.start("pull", "alice/style", "-q")
    process.stdout.close()
    said = process.stderr.read()
    assert process.wait() == 1
    assert "Traceback" not in said
    assert "Exception ignored" not in said


def test_the_installed_command(client):
    script = Path(sys.executable).with_name("lorahub")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("lorahub ")


def test_json_errors_have_what_the_hub_said(alice):
    told = alice.json("info", f"{alice}/nope", code=3)["error"]
    assert told["code"] == "repo_not_found"
    assert told["status"] == 404
    assert told["request_id"]
    assert json.dumps(told)


def test_a_gated_repository_says_where_to_ask(alice, shared_hub):
    owner = shared_hub.add_account(f"{alice.name}-owner")
    repo = f"{alice.name}-owner/gate"
    owner.publish(repo, {"notes.txt": b"for some"})
    owner.patch(f"repos/{repo}", json={"gated": "manual"}).expect(200)
    assert alice.json("info", repo)["gated"] == "manual"
    assert f"{repo} (gated)" in alice.ends(0, "info", repo).stdout
    for token in ("", alice.api.token):
        done = alice.ends(4, "pull", repo, LORAHUB_TOKEN=token)
        assert "not in the authorized list" in done.stderr
        assert f"/{repo}" in done.stderr
    owner.post(f"repos/{repo}/access-requests", json={"account": alice.name}).expect(201)
    alice.ends(0, "pull", repo, LORAHUB_TOKEN=alice.api.token)
    assert alice.files("gate") == {"notes.txt": b"for some"}


def test_what_is_outdated(alice, tmp_path):
    (tmp_path / "loras" / "deep").mkdir(parents=True)
    repo = f"{alice.name}/glass"
    old, new, other = (adapter(seed) for seed in (71, 72, 73))
    for name, data in (("a", old), ("deep/b", new), ("c", other)):
        (tmp_path / "loras" / f"{name}.safetensors").write_bytes(data)
    alice.api.publish(repo, {"glass-v1.safetensors": old})
    alice.api.delete(f"repos/{repo}/raw/main/glass-v1.safetensors").expect(200)
    alice.api.publish(repo, {"glass-v2.safetensors": new})
    folder = str(tmp_path / "loras")
    done = alice.ends(0, "outdated", folder)
    assert "a.safetensors" in done.stdout
    assert "glass-v2.safetensors" in done.stdout
    assert "b.safetensors" not in done.stdout
    assert "1 newer file, 1 up to date, 1 not known" in done.stderr
    told = alice.json("outdated", folder)["items"]
    assert [one["state"] for one in told] == ["replaced", "current", "unknown"]
    assert told[0]["current"]["sha256"] == sha256(new)
    assert "not there" in alice.ends(3, "outdated", str(tmp_path / "nowhere")).stderr
