"""Git and the API write one history, with the same ids and the same consequences."""

import shutil

from dulwich import porcelain
from dulwich.client import HttpGitClient

from support import programs
from support.inside import adapter, sha256


def revision(api, repo, branch="main"):
    refs = api.get(f"repos/{repo}/refs").expect(200).json()
    return next(b["revision"] for b in refs["branches"] if b["name"] == branch)


def test_a_clone_has_what_the_api_made(each_crowd):
    api, weights = each_crowd.alice, adapter(1)
    repo = each_crowd.repo(
        {"README.md": b"# Style\n", "my.safetensors": weights, "samples/a%20b.txt": b""}
    )
    first = revision(api, repo)
    api.post(f"repos/{repo}/tags", json={"name": "v1", "revision": first}).expect(201)
    note = {"name": "v2", "revision": first, "message": "Second"}
    api.post(f"repos/{repo}/tags", json=note).expect(201)
    api.post(f"repos/{repo}/branches", json={"name": "a/b", "revision": first}).expect(201)
    api.commit(repo, "Say more", {"README.md": b"# Style\n\nMore.\n"}).expect(201)
    clone = each_crowd.machine().clone(repo, "style")
    clone.check()
    listed = api.get(f"repos/{repo}/commits/main").json()["items"]
    assert clone.git("log", "--format=%H").split() == [item["revision"] for item in listed]
    assert clone.read("my.safetensors") == weights
    assert clone.read("samples/a b.txt") == b""
    assert clone.git("rev-parse", "origin/a/b") == clone.git("rev-parse", "v1") == first
    assert clone.git("rev-parse", "v2^{commit}") == first
    assert clone.git("cat-file", "-p", "v2").endswith("Second")
    assert clone.git("symbolic-ref", "refs/remotes/origin/HEAD") == "refs/remotes/origin/main"


def test_an_adapter_is_published_by_git(each_crowd, adapters):
    """First push of all, by git-lfs; the page, the API and the next clone know it at once."""
    api = each_crowd.alice
    repo = each_crowd.repo()
    clone = each_crowd.machine(api).clone(repo, "llama")
    shutil.copytree(adapters.peft("llama"), clone.folder, dirs_exist_ok=True)
    clone.git("lfs", "track", "*.safetensors")
    head = clone.commit("Train it")
    said = clone.ask("push", "--progress", "origin", "HEAD:main")
    assert said.code == 0, said.err
    assert f"remote: {each_crowd.hub.endpoint}/{repo}" in said.err
    assert revision(api, repo) == head
    (row,) = api.get(f"repos/{repo}/commits/main").json()["items"]
    assert (row["title"], row["author"], row["parent"]) == ("Train it", "alice", None)
    weights = (adapters.peft("llama") / "adapter_model.safetensors").read_bytes()
    shown = api.get(f"repos/{repo}").json()
    assert (shown["layout"], shown["license"]) == ("peft", "apache-2.0")
    manifest = api.get(f"repos/{repo}/manifest/main").json()
    (large,) = [file for file in manifest["files"] if file["large"]]
    assert (large["sha256"], large["size"]) == (sha256(weights), len(weights))
    assert manifest["adapters"][0]["method"] == "lora"

    def is_inspected():
        items = api.get(f"repos/{repo}/inspections/main").json()["items"]
        return [item["state"] for item in items] == ["done"]

    programs.wait(is_inspected, "the inspection", 60, 0.1)
    other = each_crowd.machine().clone(repo, "copy")
    other.check()
    assert other.head == head
    assert other.read("adapter_model.safetensors") == weights


def test_both_write_in_turn(crowd, clone, repo):
    api = crowd.alice
    for number in range(3):
        made = api.commit(repo, f"API {number}", {"a.txt": f"{number}".encode()}).expect(201).json()
        clone.git("pull", "-q", "--ff-only")
        assert clone.head == made["revision"]
        assert clone.read("a.txt") == f"{number}".encode()
        head = clone.commit(f"Git {number}", {f"d/{number}.txt": "x", "a.txt": "git"})
        clone.git("push", "-q")
        assert revision(api, repo) == head
    listed = api.get(f"repos/{repo}/commits/main").json()["items"]
    assert [item["title"] for item in listed[:4]] == ["Git 2", "API 2", "Git 1", "API 1"]
    tree = api.get(f"repos/{repo}/tree/main", query={"recursive": 1}).json()["items"]
    assert [item["path"] for item in tree] == [
        "README.md", "a.txt", "d/0.txt", "d/1.txt", "d/2.txt",
    ]  # fmt: skip
    clone.check()


def test_the_library_follows_a_push(crowd, clone, repo):
    card = "---\nlicense: mit\ntags: [watercolour]\n---\n# Watercolour\n\nSoft.\n"
    clone.commit("Describe it", {"README.md": card})
    clone.git("push", "-q")
    shown = crowd.hub.anonymous.get(f"repos/{repo}").json()
    assert (shown["title"], shown["license"]) == ("Watercolour", "mit")
    assert "watercolour" in shown["tags"]
    # A branch is not what the library shows.
    clone.git("switch", "-q", "-c", "dev")
    clone.commit("Rename it", {"README.md": "# Other\n"})
    clone.git("push", "-q", "origin", "dev")
    assert crowd.hub.anonymous.get(f"repos/{repo}").json()["title"] == "Watercolour"


def test_merges_modes_and_reverts(crowd, clone, repo):
    clone.commit("One", {"a.txt": "1", "run.sh": "#!/bin/sh\n"})
    clone.git("update-index", "--chmod=+x", "run.sh")
    (clone.folder / "run.sh").chmod(0o755)
    clone.git("commit", "-q", "-m", "Run it")
    clone.git("switch", "-q", "-c", "side", "HEAD~1")
    clone.commit("Side", {"b/c.txt": "side"})
    clone.git("switch", "-q", "main")
    clone.git("merge", "-q", "--no-ff", "-m", "Merge", "side")
    clone.git("push", "-q", "--all")
    clone.git("revert", "--no-edit", "-m", "1", "HEAD")
    clone.git("push", "-q")
    other = crowd.machine().clone(repo, "copy")
    other.check()
    assert other.git("rev-parse", "HEAD", "HEAD~1^2") == clone.git("rev-parse", "HEAD", "side")
    assert other.git("ls-tree", "HEAD", "run.sh").startswith("100755")
    rows = crowd.alice.get(f"repos/{repo}/commits/main").json()["items"]
    assert [row["title"] for row in rows[:4]] == ['Revert "Merge"', "Merge", "Run it", "One"]
    tree = crowd.alice.get(f"repos/{repo}/tree/main", query={"recursive": 1}).json()["items"]
    assert [item["path"] for item in tree] == ["README.md", "a.txt", "run.sh"]
    # One who has the merge gets only what follows.
    clone.commit("After", {"b/c.txt": "side"})
    clone.git("push", "-q")
    other.git("pull", "-q")
    assert other.head == clone.head
    other.check()


def test_a_long_history_arrives_in_small_pieces(crowd, clone, repo):
    """Also bodies that are compressed, and ones that are sent in chunks."""
    for number in range(60):
        clone.write(f"d{number % 7}/{number}.txt", f"{number}\n" * 2000)
        clone.write("README.md", f"# {number}\n")
        clone.git("add", "-A")
        clone.git("commit", "-q", "-m", f"Change {number}")
    clone.git("-c", "http.postBuffer=65536", "-c", "core.compression=0", "push", "-q")
    other = crowd.machine().clone(repo, "copy")
    assert other.head == clone.head
    other.check()
    for number in range(3):
        crowd.alice.commit(repo, "More", {"x.txt": f"{number}".encode()}).expect(201)
        other.git("fetch", "-q")
    assert other.git("rev-list", "--count", "origin/main") == "64"
    other.git("merge", "-q", "--ff-only", "origin/main")
    other.check()


def test_pushing_what_is_here_already(crowd, clone, repo):
    clone.commit("One", {"a.txt": "1"})
    clone.git("push", "-q")
    clone.git("push", "-q", "origin", "HEAD:refs/heads/copy", "HEAD~1:refs/heads/older")
    clone.git("push", "-q", "origin", "HEAD:refs/heads/older")
    refs = crowd.alice.get(f"repos/{repo}/refs").json()["branches"]
    assert {ref["name"]: ref["revision"] for ref in refs} == dict.fromkeys(
        ("main", "copy", "older"), clone.head
    )
    assert "Everything up-to-date" in clone.ask("push").err


def test_another_implementation(crowd, repo, tmp_path):
    """dulwich's client knows fewer of the protocol's refinements than git does."""
    sender = HttpGitClient(crowd.hub.endpoint, username="x", password=crowd.alice.token)
    local = porcelain.clone(f"{crowd.hub.endpoint}/{repo}", str(tmp_path / "style"), depth=1)
    (tmp_path / "style/a.txt").write_bytes(b"1")
    porcelain.add(local, [str(tmp_path / "style/a.txt")])
    who = b"Alice <alice@users.noreply.lorahub>"
    made = porcelain.commit(local, b"By dulwich", author=who, committer=who)

    def moved(old):
        return {**old, b"refs/heads/main": made}

    done = sender.send_pack(f"/{repo}", moved, local.object_store.generate_pack_data)
    assert not any((done.ref_status or {}).values())
    row = crowd.alice.get(f"repos/{repo}/commits/main").json()["items"][0]
    assert (row["revision"], row["author"]) == (made.decode(), "alice")
    crowd.alice.commit(repo, "By the API", {"a.txt": b"2"}).expect(201)
    porcelain.pull(local, f"{crowd.hub.endpoint}/{repo}")
    assert (tmp_path / "style/a.txt").read_bytes() == b"2"
    local.close()
