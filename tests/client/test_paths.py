"""Paths from elsewhere: none leads out of the folder."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lorahub import paths
from lorahub.errors import LorahubError

PARTS = st.sampled_from(
    ["a", "..", ".", "", " ", "a.", "CON", "nul.txt", ".git", "C:", "a\\b", "~", "é", "e\u0301",
     "\u202e", "\x00", "com1.safetensors", "GIT~1", ".g\u200cit", "x" * 300, "\ud800"]
)  # fmt: skip


@pytest.mark.parametrize(
    "path",
    ["adapter.safetensors", "a/b/c.json", "ä ö/ü.txt", ".gitattributes", "a..b", "...x", "common",
     "console.txt", "日本/x", "a:b", "-rf", "~/x"],
)  # fmt: skip
def test_good_paths(path):
    assert paths.why_unsafe(path) is None


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a/.", "a\\..\\b", "\\\\server\\x",
     "con", "NUL.safetensors", "a/Aux.", "com9", "a /b", "a./b", ".git/hooks/x", "a/.GIT/x",
     ".g\u200cit/x", "git~1/x", ".git:x", "a\nb", "a\x1b[2Jb", "gpj\u202e.exe", "x" * 256,
     "a/" * 40 + "b", "\ud800", "conin$", "lpt¹.txt"],
)  # fmt: skip
def test_bad_paths(path):
    assert paths.why_unsafe(path) is not None


@pytest.mark.parametrize("path", ["C:/x", "a:b", "what?", 'a"b', "a|b"])
def test_paths_that_are_bad_on_windows(path):
    assert paths.why_unsafe(path, windows=True) is not None
    assert paths.why_unsafe(path) is None


@given(st.lists(PARTS, min_size=1, max_size=6).map("/".join))
@example("..")
def test_whatever_is_let_through_stays_below(tmp_path_factory, path):
    if paths.why_unsafe(path) is None:
        root = tmp_path_factory.getbasetemp() / "root"
        place = root.joinpath(*path.split("/"))
        assert place.resolve().is_relative_to(root.resolve())
        assert place.resolve() != root.resolve()


@given(st.text(max_size=60))
def test_any_text_gets_an_answer(path):
    fault = paths.why_unsafe(path)
    assert fault is None or fault
    if fault is None:
        assert not set(path.split("/")) & {"", ".", ".."}


@pytest.mark.parametrize(
    "names",
    [["a", "A"], ["é", "e\u0301"], ["a/x", "A/X"], ["a", "a/b"], ["straße", "STRASSE"], ["x", "x"]],
)
def test_names_that_would_be_one_file(names):
    with pytest.raises(paths.UnsafePath):
        paths.check_all(names)


def test_names_that_can_live_side_by_side():
    paths.check_all(["a/b", "a/c", "b", "a.b", unicodedata.normalize("NFC", "é")])


def test_a_link_inside_leads_nowhere(tmp_path):
    root, out = tmp_path / "root", tmp_path / "out"
    root.mkdir()
    out.mkdir()
    (root / "link").symlink_to(out)
    (root / "dangling").symlink_to(tmp_path / "nowhere")
    (root / "inner").mkdir()
    (root / "within").symlink_to(root / "inner")
    for path in ("link/x", "link/a/b", "dangling/x"):
        with pytest.raises(LorahubError, match="leads out of"):
            paths.below(root, path)
    assert paths.below(root, "within/x") == root / "within" / "x"
    assert paths.below(root, "new/folder/x") == root / "new" / "folder" / "x"


def test_the_folder_itself_may_be_a_link(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "loras").symlink_to(tmp_path / "disk")
    assert paths.below(tmp_path / "loras", "a/b").name == "b"
