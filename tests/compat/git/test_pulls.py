"""Pull requests by git: opened, added to, fetched and merged."""

from support.inside import adapter


def discussion(crowd, repo, num):
    return crowd.hub.anonymous.get(f"repos/{repo}/discussions/{num}").expect(200).json()


def test_a_reader_opens_one_by_a_push(each_crowd):
    crowd = each_crowd
    repo = crowd.repo({"README.md": b"# Style\n"})
    bob = crowd.machine(crowd.bob).clone(repo, "style")
    bob.git("lfs", "track", "*.safetensors")
    bob.commit("Better weights\n\nTrained for longer.", {"w.safetensors": adapter(71)})
    said = bob.ask("push", "origin", "HEAD:refs/for/main")
    assert said.code == 0, said.err
    assert f"Pull request 1 is open: {crowd.hub.endpoint}/{repo}/discussions/1" in said.err
    assert "HEAD:refs/pr/1" in said.err
    shown = discussion(crowd, repo, 1)
    assert (shown["title"], shown["status"], shown["author"]) == ("Better weights", "open", "bob")
    events = crowd.bob.get(f"repos/{repo}/discussions/1/events").json()["items"]
    assert [(e["kind"], e["text"]) for e in events] == [
        ("comment", "Trained for longer."),
        ("commit", None),
    ]
    # Again, and without a fresh ref it would be another one.
    bob.commit("And a card", {"README.md": b"# Style\n\nWords.\n"})
    said = bob.ask("push", "origin", "HEAD:refs/pr/1")
    assert said.code == 0, said.err
    assert "Pull request 1 has your commits" in said.err
    # A clone brings no pull requests; who asks for one gets it.
    alice = crowd.machine(crowd.alice).clone(repo, "style")
    assert "refs/pr/1" in alice.git("ls-remote")
    assert alice.git("for-each-ref", "--format=%(refname)").split() == [
        "refs/heads/main", "refs/remotes/origin/HEAD", "refs/remotes/origin/main",
    ]  # fmt: skip
    alice.git("fetch", "-q", "origin", "refs/pr/1:pr/1")
    alice.git("checkout", "-q", "pr/1")
    assert alice.read("w.safetensors") == adapter(71)
    alice.git("checkout", "-q", "main")
    crowd.alice.post(f"repos/{repo}/discussions/1/merge").expect(200)
    alice.git("pull", "-q")
    alice.check()
    assert alice.read("w.safetensors") == adapter(71)
    assert alice.git("log", "-1", "--format=%s %P").endswith(bob.git("rev-parse", "HEAD"))
    said = bob.refused("push", "origin", "HEAD~1:refs/pr/1", "--force")
    assert "The pull request 1 is merged" in said


def test_what_is_refused_is_said_on_the_terminal(crowd, repo):
    bob = crowd.machine(crowd.bob).clone(repo, "style")
    said = bob.refused("push", "origin", "HEAD:refs/for/main")
    assert "main has all of these commits already" in said
    bob.commit("One", {"a.txt": b"1"})
    assert "There is no pull request 7" in bob.refused("push", "origin", "HEAD:refs/pr/7")
    assert "There is no branch of this name" in bob.refused("push", "origin", "HEAD:refs/for/dev")
    assert "Only its owner" in bob.refused("push", "origin", "HEAD:refs/x/y")
    said = bob.refused("push", "origin", "HEAD:main")
    assert "Only its owner may change this repository" in said
    assert "git push origin HEAD:refs/for/main" in said
    # All or nothing.
    bob.refused("push", "origin", "HEAD:refs/for/main", "HEAD:refs/heads/dev")
    crowd.bob.get(f"repos/{repo}/discussions/1").expect(404)
    bob.git("push", "-q", "origin", "HEAD:refs/for/main")
    crowd.bob.get(f"repos/{repo}/discussions/1").expect(200)
    assert "can't be deleted" in bob.refused("push", "origin", ":refs/pr/1")
    bob.commit("Weights", {"w.safetensors": adapter(72)})
    assert "git lfs migrate" in bob.refused("push", "origin", "HEAD:refs/pr/1")
    crowd.bob.patch(f"repos/{repo}/discussions/1", json={"status": "closed"}).expect(200)
    bob.git("reset", "-q", "--hard", "HEAD~1")
    bob.commit("Two", {"a.txt": b"2"})
    assert "The pull request 1 is closed" in bob.refused("push", "origin", "HEAD:refs/pr/1")


def test_only_who_opened_it_adds_to_it(crowd, repo):
    made = crowd.alice.post(
        f"repos/{repo}/discussions", json={"title": "x", "text": "y", "pull_request": True}
    )
    num = made.expect(201).json()["num"]
    bob = crowd.machine(crowd.bob).clone(repo, "style")
    bob.commit("One", {"a.txt": b"1"})
    said = bob.refused("push", "origin", f"HEAD:refs/pr/{num}")
    assert "Only who opened the pull request" in said
    alice = crowd.machine(crowd.alice).clone(repo, "style")
    alice.commit("One", {"a.txt": b"1"})
    alice.git("push", "-q", "origin", f"HEAD:refs/pr/{num}")


def test_the_branch_is_merged_into_it_by_git(crowd, repo):
    """What git merges is what the hub then finds to be without conflict."""
    crowd.alice.publish(repo, {"a.txt": b"1\n2\n3\n4\n5\n6\n7\n8\n"})
    bob = crowd.machine(crowd.bob).clone(repo, "style")
    bob.commit("Top", {"a.txt": b"one\n2\n3\n4\n5\n6\n7\n8\n"})
    bob.git("push", "-q", "origin", "HEAD:refs/for/main")
    crowd.alice.publish(repo, {"a.txt": b"1\n2\n3\n4\n5\n6\n7\neight\n"})
    diff = crowd.bob.get(f"repos/{repo}/discussions/1/diff").expect(200).json()
    assert (diff["conflicts"], diff["mergeable"]) == (["a.txt"], False)
    crowd.alice.post(f"repos/{repo}/discussions/1/merge").expect(409)
    bob.git("pull", "-q", "--no-rebase", "--no-edit", "origin", "main")
    bob.git("push", "-q", "origin", "HEAD:refs/pr/1")
    diff = crowd.bob.get(f"repos/{repo}/discussions/1/diff").expect(200).json()
    assert (diff["conflicts"], diff["mergeable"]) == ([], True)
    assert [file["path"] for file in diff["files"]] == ["a.txt"]
    assert "+one\n" in diff["files"][0]["diff"]
    assert "eight" not in diff["files"][0]["diff"].replace(" eight", "")
    crowd.alice.post(f"repos/{repo}/discussions/1/merge").expect(200)
    bob.git("pull", "-q", "--no-rebase", "origin", "main")
    assert bob.read("a.txt") == b"one\n2\n3\n4\n5\n6\n7\neight\n"
    bob.check()
