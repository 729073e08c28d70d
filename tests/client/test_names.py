"""What people write to name a repository."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorahub.errors import UsageError
from lorahub.names import RepoName, Target, file_path, piece


@pytest.mark.parametrize(
    ("text", "repo", "revision", "endpoint"),
    [
        ("alice/style", "alice/style", None, None),
        ("alice/style@v1", "alice/style", "v1", None),
        ("alice/style@feature/x", "alice/style", "feature/x", None),
        ("a-b_c/x.y_z-1", "a-b_c/x.y_z-1", None, None),
        ("https://hub.example/alice/style", "alice/style", None, "https://hub.example"),
        ("https://hub.example/alice/style/", "alice/style", None, "https://hub.example"),
        ("http://h:8000/alice/style@main", "alice/style", "main", "http://h:8000"),
        ("https://h.example/sub/alice/style", "alice/style", None, "https://h.example/sub"),
    ],
)
def test_good_names(text, repo, revision, endpoint):
    target = Target.parse(text)
    assert (str(target.repo), target.revision, target.endpoint) == (repo, revision, endpoint)


@pytest.mark.parametrize(
    "text",
    ["style", "a/b/c", "/b", "a/", "a/..", "../a", "a b/c", "a/b@", "a/-b", "a/b?x", "a/b#x",
     "a--b/c", "-a/b", "a/b..c", "a/" + "x" * 97, "https://hub.example/alice", "", "@main"],
)  # fmt: skip
def test_bad_names(text):
    with pytest.raises(UsageError):
        Target.parse(text)


def test_a_revision_may_be_named_once():
    assert Target.parse("a/b", "v1").revision == "v1"
    assert Target.parse("a/b@v1", "v1").revision == "v1"
    with pytest.raises(UsageError, match="Two revisions"):
        Target.parse("a/b@v1", "v2")


@given(st.text(max_size=30))
def test_no_name_becomes_another_address(text):
    try:
        name = RepoName.parse(text)
    except UsageError:
        return
    assert str(name) == text
    assert text.count("/") == 1
    assert not set(text) & set("?#@%\\ \n")


def test_pieces_of_addresses():
    assert piece("feature/x y") == "feature%2Fx%20y"
    assert file_path("a/ö b#c?.txt") == "a/%C3%B6%20b%23c%3F.txt"
