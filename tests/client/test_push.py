"""`lorahub push` and `lorahub pull` against a real hub."""

import os
from itertools import count

import pytest

import lorahub
from lorahub.errors import Conflict, NotAllowed, VerificationFailed
from support import bad_inputs

_numbers = count(1)


@pytest.fixture
def alice(shared_hub, client):
    """Somebody signed in; `str(alice)` is the account's name."""
    client.name = f"alice{next(_numbers)}"
    client.api = shared_hub.add_account(client.name)
    return client.use(shared_hub.endpoint, client.api.token)


@pytest.fixture
def folder(alice, adapters):
    return adapters.copy(adapters.peft("gpt2"), alice.here / "gpt2")


def tree(client, folder):
    return {path: data for path, data in client.files(folder).items() if path != ".gitattributes"}


def test_there_and_back(shared_hub, alice, folder, new_client):
    done = alice.ends(0, "push", "gpt2", f"{alice}/gpt2")
    assert done.stdout == f"{shared_hub.endpoint}/{alice}/gpt2\n"
    assert "3 files" in done.stderr
    reader = new_client("reader").use(shared_hub.endpoint)
    reader.ends(0, "pull", f"{alice}/gpt2")
    assert reader.files("gpt2") == tree(alice, "gpt2")


def test_what_is_there_is_not_sent_again(alice, folder):
    alice.ends(0, "push", "gpt2", f"{alice}/gpt2")
    told = alice.json("push", "gpt2", f"{alice}/gpt2")
    assert told["changed"] is False
    assert {file["action"] for file in told["files"]} == {"same"}
    (folder / "README.md").write_text("# Other\n")
    told = alice.json("push", "gpt2", f"{alice}/gpt2", "-m", "Say more")
    assert told["bytes_sent"] == len("# Other\n")
    actions = {file["path"]: file["action"] for file in told["files"]}
    assert actions["README.md"] == "inline"
    assert actions["adapter_model.safetensors"] == "same"
    # Into another repository the bytes need no second journey.
    told = alice.json("push", "gpt2", f"{alice}/second")
    actions = {file["path"]: file["action"] for file in told["files"]}
    assert actions["adapter_model.safetensors"] == "known"
    log = alice.api.get(f"repos/{alice}/gpt2/commits/main").json()["items"]
    assert [commit["title"] for commit in log] == ["Say more", "Update files"]


def test_one_file_and_your_own_name(shared_hub, alice, adapters):
    told = alice.json("push", adapters.kohya, "style")
    assert told["repo"] == f"{alice}/style"
    assert told["url"] == f"{shared_hub.endpoint}/{alice}/style"
    assert [file["path"] for file in told["files"]] == [adapters.kohya.name]
    repo = alice.json("info", f"{alice}/style")
    assert repo["private"] is False
    assert repo["family"] == "sd1"
    assert [file["path"] for file in repo["files"] if file["path"] != ".gitattributes"] == [
        adapters.kohya.name
    ]


def test_private(shared_hub, alice, folder, new_client):
    alice.ends(0, "push", "gpt2", f"{alice}/secret", "--private")
    stranger = new_client("stranger").use(shared_hub.endpoint)
    assert "private" in stranger.ends(3, "pull", f"{alice}/secret").stderr
    alice.ends(0, "pull", f"{alice}/secret")
    assert tree(alice, "secret") == tree(alice, "gpt2")


def test_dry_run_changes_nothing(alice, folder):
    told = alice.json("push", "gpt2", f"{alice}/gpt2", "--dry-run")
    actions = {file["path"]: file["action"] for file in told["files"]}
    assert actions["adapter_model.safetensors"] == "upload"
    assert actions["README.md"] == "inline"
    alice.ends(3, "info", f"{alice}/gpt2")
    alice.ends(0, "push", "gpt2", f"{alice}/gpt2")
    (folder / "more.txt").write_text("x")
    assert "more.txt" in alice.ends(0, "push", "gpt2", f"{alice}/gpt2", "--dry-run").stdout
    assert "more.txt" not in alice.ends(0, "info", f"{alice}/gpt2").stdout


def test_a_refused_push_leaves_no_repository(alice, folder):
    config = (folder / "adapter_config.json").read_bytes()
    (folder / "adapter_config.json").write_bytes(b"{")
    done = alice.ends(1, "push", "gpt2", f"{alice}/gpt2")
    assert "adapter_config.json" in done.stderr
    alice.ends(3, "info", f"{alice}/gpt2")
    (folder / "adapter_config.json").write_bytes(config)
    alice.ends(0, "push", "gpt2", f"{alice}/gpt2")


def test_delete(alice, folder):
    (folder / "old.txt").write_text("x")
    (folder / "kept.log").write_text("x")
    alice.ends(0, "push", "gpt2", f"{alice}/gpt2")
    (folder / "old.txt").unlink()
    assert alice.json("push", "gpt2", f"{alice}/gpt2")["changed"] is False
    told = alice.json("push", "gpt2", f"{alice}/gpt2", "--delete", "--exclude", "*.log")
    assert [file["path"] for file in told["files"] if file["action"] == "delete"] == ["old.txt"]
    paths = {file["path"] for file in alice.json("info", f"{alice}/gpt2")["files"]}
    assert "old.txt" not in paths
    assert {"kept.log", ".gitattributes", "README.md"} <= paths


def test_branches(alice, folder):
    alice.ends(0, "push", "gpt2", f"{alice}/gpt2")
    (folder / "README.md").write_text("# Draft\n")
    alice.ends(0, "push", "gpt2", f"{alice}/gpt2", "--branch", "draft/one")
    alice.ends(0, "pull", f"{alice}/gpt2@draft/one", "--to", "draft", "--file", "README.md")
    alice.ends(0, "pull", f"{alice}/gpt2", "--to", "main", "--file", "README.md")
    assert alice.files("draft") == {"README.md": b"# Draft\n"}
    assert alice.files("main") != alice.files("draft")


def test_an_old_revision_stays(alice, folder):
    first = alice.json("push", "gpt2", f"{alice}/gpt2")["revision"]
    (folder / "README.md").write_text("# New\n")
    alice.ends(0, "push", "gpt2", f"{alice}/gpt2")
    alice.ends(0, "pull", f"{alice}/gpt2@{first[:10]}", "--to", "old", "--file", "README.md")
    assert alice.files("old")["README.md"] != b"# New\n"


@pytest.mark.parametrize("bad", bad_inputs.NOT_SAFETENSORS[2:5], ids=str)
def test_a_bad_file_is_refused_before_anything_is_sent(alice, bad):
    (alice.here / bad.filename).write_bytes(bad.make())
    done = alice.ends(5, "push", bad.filename, f"{alice}/bad")
    assert bad.filename in done.stderr
    assert alice.json("push", bad.filename, f"{alice}/bad", code=5)["error"]["code"] == bad.code
    alice.ends(3, "info", f"{alice}/bad")


def test_who_may_push(shared_hub, alice, folder, new_client):
    alice.ends(0, "push", "gpt2", f"{alice}/gpt2")
    bob = new_client("bob").use(shared_hub.endpoint, shared_hub.add_account(f"bob-{alice}").token)
    (bob.here / "a.txt").write_text("x")
    bob.ends(4, "push", "a.txt", f"{alice}/gpt2")
    bob.ends(3, "push", "a.txt", f"{alice}/new")
    done = bob.ends(4, "push", "a.txt", f"bob-{alice}/x", LORAHUB_TOKEN="lh_wrong")
    assert "token" in done.stderr.lower()
    done = bob.ends(4, "push", "a.txt", f"bob-{alice}/x", LORAHUB_TOKEN="")
    assert "lorahub login" in done.stderr


def test_a_renamed_repository_is_found(alice, folder):
    alice.ends(0, "push", "gpt2", f"{alice}/old")
    alice.ends(0, "repo", "rename", f"{alice}/old", "fresh")
    done = alice.ends(0, "push", "gpt2", f"{alice}/old")
    assert done.stdout.endswith(f"/{alice}/fresh\n")
    done = alice.ends(0, "pull", f"{alice}/old")
    assert f"is called {alice}/fresh now" in done.stderr
    assert tree(alice, "fresh") == tree(alice, "gpt2")


def test_a_deleted_repository_is_gone(alice, folder):
    alice.ends(0, "push", "gpt2", f"{alice}/gpt2")
    alice.ends(2, "repo", "delete", f"{alice}/gpt2")
    alice.ends(0, "repo", "delete", f"{alice}/gpt2", "--yes")
    assert "deleted" in alice.ends(3, "pull", f"{alice}/gpt2").stderr
    alice.ends(3, "push", "gpt2", f"{alice}/gpt2")


@pytest.mark.slow
def test_many_files(alice):
    many = alice.here / "many"
    many.mkdir()
    for number in range(1100):
        (many / f"{number}.txt").write_text(str(number))
    # More than one request can hold.
    for number in range(9):
        (many / f"{number}.dat").write_bytes(os.urandom(1_000_000))
    told = alice.json("push", "many", f"{alice}/many")
    assert told["changed"]
    assert alice.json("push", "many", f"{alice}/many")["changed"] is False
    alice.ends(0, "pull", f"{alice}/many", "--to", "back")
    assert tree(alice, "back") == tree(alice, "many")


def test_large_files_that_are_no_weights(alice):
    (alice.here / "big.png").write_bytes(b"\x89PNG\r\n\x1a\n" + os.urandom(3_000_000))
    told = alice.json("push", "big.png", f"{alice}/pictures")
    assert told["files"][0]["action"] == "upload"
    alice.ends(0, "pull", f"{alice}/pictures")
    assert tree(alice, "pictures")["big.png"] == (alice.here / "big.png").read_bytes()


def test_odd_names(alice):
    odd = alice.here / "odd"
    (odd / "a b").mkdir(parents=True)
    for name in ("a b/ü #%25.txt", "100%.txt", "日本.txt", "+&=;.txt", "~x.txt"):
        (odd / name).write_text(name)
    alice.ends(0, "push", "odd", f"{alice}/odd")
    alice.ends(0, "pull", f"{alice}/odd", "--to", "back")
    assert tree(alice, "back") == tree(alice, "odd")


def test_python_interface(shared_hub, own_place, alice, adapters):
    with lorahub.Hub(shared_hub.endpoint, alice.api.token) as one:
        pushed = one.push(adapters.both, f"{alice}/both", message="First")
        assert pushed.changed
        assert one.whoami().name == alice.name
        assert [repo.id for repo in one.list_repos(owner=alice.name)] == [f"{alice}/both"]
        assert next(iter(one.commits(f"{alice}/both"))).title == "First"
        one.create_tag(f"{alice}/both", "v1", pushed.revision)
        assert [ref.name for ref in one.refs(f"{alice}/both").tags] == ["v1"]
        assert b"# both" in one.read_file(f"{alice}/both", "README.md", "v1")
        assert {entry.path for entry in one.tree(f"{alice}/both")} > {"README.md"}
        assert one.star(f"{alice}/both") == 1
        assert one.unstar(f"{alice}/both") == 0
        verified = one.upload(adapters.kohya)
        assert verified.size == adapters.kohya.stat().st_size
        assert one.inspections(f"{alice}/both")[0]["path"].endswith(".safetensors")
        pulled = one.pull(f"{alice}/both@v1", to=own_place / "got", files=["*.safetensors"])
        assert pulled.files[0].state == "fetched"
        one.delete_repo(f"{alice}/both")
    with pytest.raises(NotAllowed):
        lorahub.push(adapters.both, f"{alice}/both", endpoint=shared_hub.endpoint, token="lh_no")
    bad = own_place / "x.bin"
    bad.write_bytes(b"\x80\x04.")
    with pytest.raises(VerificationFailed):
        lorahub.push(bad, f"{alice}/x", endpoint=shared_hub.endpoint, token=alice.api.token)


def test_pages_of_a_list(shared_hub, own_place, alice):
    with lorahub.Hub(shared_hub.endpoint, alice.api.token) as one:
        for number in range(7):
            one.create_repo(f"{alice}/r{number}")
        found = one.list_repos(owner=alice.name, sort="name", limit=5)
        assert [repo.name for repo in found] == [f"r{number}" for number in range(5)]
        assert len(list(one.list_repos(owner=alice.name))) == 7
        with pytest.raises(Conflict):
            one.create_repo(f"{alice}/r1")
