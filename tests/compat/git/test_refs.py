"""Branches and tags: pushed, moved, deleted."""

import pytest


def refs(crowd, repo):
    told = crowd.alice.get(f"repos/{repo}/refs").expect(200).json()
    return {ref["name"]: ref["revision"] for kind in told for ref in told[kind]}


def test_branches_and_tags(crowd, clone, repo):
    head = clone.commit("One", {"a.txt": "1"})
    clone.git("tag", "light")
    clone.git("tag", "-a", "-m", "Heavy", "heavy")
    clone.git("tag", "-a", "-m", "Of a tag", "nested", "heavy")
    clone.git("push", "-q", "origin", "main", "main:feature/x", "light", "heavy", "nested")
    assert refs(crowd, repo) == dict.fromkeys(
        ["main", "feature/x", "light", "heavy", "nested"], head
    )
    other = crowd.machine().clone(repo, "copy")
    assert other.git("tag", "--list").split() == ["heavy", "light", "nested"]
    assert other.git("cat-file", "-t", "nested") == "tag"
    assert other.git("rev-parse", "nested^{commit}") == head
    other.check()
    clone.git("push", "-q", "origin", ":feature/x", ":light", ":heavy")
    assert refs(crowd, repo) == dict.fromkeys(["main", "nested"], head)
    other.git("fetch", "-q", "--prune", "--prune-tags")
    assert other.git("tag", "--list") == "nested"
    assert other.git("branch", "-r").split()[-1] == "origin/main"


def test_a_branch_that_is_not_the_default_may_be_rewritten(crowd, clone, repo):
    main = clone.head
    clone.git("switch", "-q", "-c", "dev")
    clone.commit("One", {"a.txt": "1"})
    clone.git("push", "-q", "origin", "dev")
    clone.git("commit", "-q", "--amend", "-m", "Other")
    assert "non-fast-forward" in clone.refused("push", "origin", "dev")
    clone.git("push", "-q", "--force-with-lease", "origin", "dev")
    assert refs(crowd, repo) == {"main": main, "dev": clone.head}


def test_the_default_branch_only_moves_forward(crowd, clone, repo):
    before = refs(crowd, repo)
    clone.git("commit", "-q", "--amend", "-m", "Other")
    said = clone.refused("push", "--force")
    assert "remote: error: The default branch main only moves forward" in said
    assert "[remote rejected] main -> main" in said
    assert "The default branch can't be deleted" in clone.refused("push", "origin", ":main")
    clone.git("checkout", "-q", "--orphan", "new")
    clone.commit("Begin anew")
    assert "only moves forward" in clone.refused("push", "--force", "origin", "new:main")
    assert refs(crowd, repo) == before


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("refs/notes/x", "Only branches, tags and pull requests can be pushed"),
        ("refs/heads/" + "a" * 40, "can't look like a commit id"),
        ("refs/heads/HEAD", "can't be HEAD"),
        ("refs/heads/main/x", "Beside the branch main there can't be one named main/x"),
        ("refs/heads/Main", "differs in case only"),
        ("refs/tags/refs/x", "or begin with refs/"),
    ],
)
def test_names_that_are_refused(crowd, clone, repo, target, says):
    before = refs(crowd, repo)
    clone.commit("One", {"a.txt": "1"})
    said = clone.refused("push", "origin", f"HEAD:{target}", "HEAD:refs/heads/good")
    assert says in said
    # All or nothing.
    assert "because of another ref" in said
    assert refs(crowd, repo) == before


def test_a_name_takes_the_place_of_a_deleted_one(crowd, clone, repo):
    clone.git("push", "-q", "origin", "HEAD:refs/heads/a")
    clone.git("push", "-q", "origin", ":a", "HEAD:refs/heads/a/b")
    assert set(refs(crowd, repo)) == {"main", "a/b"}


def test_tags_lead_to_commits(crowd, clone, repo):
    clone.git("tag", "tree", "HEAD^{tree}")
    clone.git("tag", "-a", "-m", "A file", "file", "HEAD:README.md")
    for name in ("tree", "file"):
        assert "A tag leads to a commit" in clone.refused("push", "origin", name)
    assert set(refs(crowd, repo)) == {"main"}


def test_the_first_push_is_of_the_default_branch(crowd):
    repo = crowd.repo()
    clone = crowd.machine(crowd.alice).clone(repo, "empty")
    clone.git("switch", "-q", "-c", "master")
    head = clone.commit("One", {"README.md": "# One\n"})
    said = clone.refused("push", "origin", "master")
    assert "git push origin HEAD:main" in said
    clone.git("push", "-q", "origin", "HEAD:main", "HEAD:master")
    assert refs(crowd, repo) == {"main": head, "master": head}
