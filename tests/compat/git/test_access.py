"""Who may clone and who may push."""

from support.clones import Machine
from support.inside import adapter


def test_nobody_reads_what_is_public(crowd, repo):
    clone = crowd.machine().clone(repo, "style")
    clone.check()
    clone.commit("One", {"a.txt": "1"})
    said = clone.refused("push")
    assert "remote: This needs an account" in said
    assert "Authentication failed" in said


def test_private_looks_like_missing(crowd):
    private = crowd.repo({"README.md": b"# Secret\n"}, private=True)
    missing = private + "-not"
    for machine in (crowd.machine(), crowd.machine(crowd.bob)):
        said = []
        for name in (private, missing):
            answer = machine.ask(machine.folder, "clone", machine.address(name), "x")
            assert answer.code != 0
            said.append(answer.err.replace(name, "..."))
        assert said[0] == said[1]
        assert "remote: There is no such repository, or it is private" in said[0]
    clone = crowd.machine(crowd.alice).clone(private, "style")
    clone.commit("One", {"a.txt": "1"})
    clone.git("push", "-q")
    clone.check()


def test_only_the_owner_pushes(crowd, repo):
    clone = crowd.machine(crowd.bob).clone(repo, "style")
    clone.commit("One", {"a.txt": "1"})
    said = clone.refused("push")
    assert "Only its owner may change this repository" in said
    assert "git push origin HEAD:refs/for/main" in said


def test_a_wrong_token(crowd, repo):
    machine = Machine(crowd.folder / "wrong", crowd.hub.endpoint, "alice", "lh_" + "x" * 43)
    clone = machine.clone(repo, "style")  # public: git does not even send it
    clone.commit("One", {"a.txt": "1"})
    said = clone.refused("push")
    assert "remote: The token is not valid" in said
    assert "Authentication failed" in said


def test_tokens_in_other_places(crowd, repo):
    private = crowd.repo({"README.md": b"# Secret\n"}, private=True)
    nobody, token = crowd.machine(), crowd.alice.token
    place = crowd.hub.endpoint.removeprefix("http://")
    nobody.run(nobody.folder, "clone", "-q", f"http://any:{token}@{place}/{private}", "one")
    nobody.run(nobody.folder, "clone", "-q", f"http://{token}@{place}/{private}.git", "two")
    header = f"http.extraHeader=Authorization: Bearer {token}"
    nobody.run(
        nobody.folder, "-c", header, "clone", "-q", f"http://{place}/{private.upper()}", "three"
    )
    for name in ("one", "two", "three"):
        assert (nobody.folder / name / "README.md").read_text() == "# Secret\n"


def test_a_renamed_repository_is_found(crowd, clone, repo):
    new = f"{repo.split('/')[1]}-new"
    crowd.alice.patch(f"repos/{repo}", json={"name": new}).expect(200)
    crowd.alice.publish(f"alice/{new}", {"a.safetensors": adapter(1)})
    said = clone.ask("pull")
    assert said.code == 0, said.err
    assert f"redirecting to {crowd.hub.endpoint}/alice/{new}/" in said.err
    assert clone.read("a.safetensors") == adapter(1)
    head = clone.commit("Two", {"b.safetensors": adapter(2)})
    clone.git("push", "-q")
    assert crowd.alice.get(f"repos/alice/{new}").json()["revision"] == head


def test_a_push_makes_no_repository(crowd, clone):
    clone.git("remote", "add", "other", f"{crowd.hub.endpoint}/alice/not-there")
    said = clone.refused("push", "other", "main")
    assert "remote: A push makes no repository" in said
    crowd.alice.get("repos/alice/not-there").expect(404)


def test_a_deleted_repository(crowd, clone, repo):
    crowd.alice.delete(f"repos/{repo}").expect(204)
    said = clone.refused("fetch")
    assert "remote: The repository was deleted by its owner" in said
    clone.commit("One", {"a.txt": "1"})
    assert "was deleted by its owner" in clone.refused("push")
