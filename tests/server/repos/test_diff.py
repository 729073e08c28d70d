"""What differs: checked against git itself."""

import random

import pytest

from lorahub_server.repos import diff, diff_text, refs
from lorahub_server.repos import service as repos
from lorahub_server.repos.diff_lines import EDITS_MAX, blocks
from support.git import Git
from support.inside import Inside, adapter


def applied(old, new):
    """The new lines, made from the old ones by what was found."""
    made, at = [], 0
    for block in blocks(old, new):
        assert block.old >= at
        assert old[at : block.old] == new[block.new - (block.old - at) : block.new]
        made += old[at : block.old] + new[block.new : block.new_end]
        at = block.old_end
    return made + old[at:]


def test_lines_of_any_texts():
    chance = random.Random(1)
    for _ in range(3000):
        old, new = ([chance.choice("abcd") for _ in range(chance.randrange(12))] for _ in "xy")
        assert applied(old, new) == new


def test_few_changes_are_found_exactly():
    old = [str(number) for number in range(3000)]
    new = [*old[:100], "x", *old[100:1500], *old[1510:], "end"]
    found = [(b.old, b.old_end, b.new, b.new_end) for b in blocks(old, new)]
    assert found == [(100, 100, 100, 101), (1500, 1510, 1501, 1501), (3000, 3000, 2991, 2992)]


def test_texts_without_anything_in_common_take_no_time():
    chance = random.Random(2)
    old, new = ([chance.choice("abcdefgh") for _ in range(5000)] for _ in "xy")
    assert applied(old, new) == new
    assert len(blocks(old, new)) == 1
    assert EDITS_MAX < 5000


@pytest.fixture
def glass(small: Inside):
    small.make_repo()
    weights = [small.upload(adapter(n)) for n in (1, 2)]
    long = "".join(f"line {n}\n" for n in range(100))
    small.commit(
        {
            "README.md": b"# A\n", "a/long.txt": long.encode(), "a/gone.txt": b"gone\n",
            "old name.txt": b"the same\n", "no-end.txt": b"one\ntwo", "bin.dat": b"\0\1",
            "w.safetensors": weights[0], "empty": b"", "ä/ö.txt": b"\xc3\xa4\n", "cr.txt": b"a\r\nb\r\n",
        }
    )  # fmt: skip
    small.commit(
        {
            "README.md": b"# B\n", "a/long.txt": long.replace("line 5\n", "x\ny\n").replace(
                "line 80\n", ""
            ).encode() + b"end\n",
            "a/gone.txt": None, "old name.txt": None, "b/new name.txt": b"the same\n",
            "no-end.txt": b"one\ntwo\nthree", "bin.dat": b"\0\2", "w.safetensors": weights[1],
            "empty": b"not any more\n", "new-empty": b"", "ä/ö.txt": b"\xc3\xb6\n", "cr.txt": b"a\r\nc\r\n",
        }
    )  # fmt: skip
    return small


def test_git_applies_what_is_said(glass: Inside, tmp_path):
    with glass.look() as tx:
        repo = repos.get_repo(tx, "alice", "style")
        new = refs.resolve(tx, repo, "main")
        from lorahub_server.repos import history

        old = history.get_commit(tx, repo, new).parent
        changes = diff.compare(tx, repo, old, new)
        told = [c for c in changes if c.path != "bin.dat"]
        text = diff_text.unified(diff_text.read(tx, repo, told)[0])
        git = Git(tmp_path / "clone").take(glass.db, repo.id)
    kinds = {change.path: change.kind for change in changes}
    assert kinds == {
        "README.md": "changed", "a/gone.txt": "removed", "a/long.txt": "changed", "bin.dat": "changed",
        "b/new name.txt": "renamed", "cr.txt": "changed", "empty": "changed", "new-empty": "added",
        "no-end.txt": "changed", "w.safetensors": "changed", "ä/ö.txt": "changed",
    }  # fmt: skip
    git.run("-c", "core.autocrlf=false", "checkout", "-q", "-f", old)
    git.run("apply", "--index", "--whitespace=nowarn", stdin=text.encode())
    same = git.run("diff", "--cached", "--name-only", new).split("\n")
    assert same == ["bin.dat", ""]


def test_what_is_too_much_is_left_out(small: Inside, monkeypatch):
    monkeypatch.setattr(diff_text, "FILES_MAX", 20)
    small.make_repo()
    many = {f"f{n:03}": b"%d\n" % n for n in range(30)}
    small.commit({"binary": b"\0", "a-latin": b"\xe4\n", "a-long": b"y\n" * 6000, **many})
    with small.look() as tx:
        repo = repos.get_repo(tx, "alice", "style")
        found, _ = diff_text.read(
            tx, repo, diff.compare(tx, repo, None, refs.resolve(tx, repo, "main"))
        )
    why = {file.change.path: file.why for file in found}
    assert (why["binary"], why["a-latin"], why["a-long"]) == ("binary", "binary", "long")
    shown = [path for path, reason in why.items() if path[0] == "f" and not reason]
    assert shown == [f"f{n:03}" for n in range(17)]
    assert "Binary files /dev/null and b/binary differ" in diff_text.unified(found)


def test_an_unchanged_folder_is_not_read(small: Inside):
    from lorahub_server.repos import kept

    small.make_repo()
    small.commit({f"d{n}/{m}": b"x" for n in range(20) for m in range(3)})
    first = small.commit({"d1/0": b"y"})
    kept.clear()
    with small.look() as tx:
        repo = repos.get_repo(tx, "alice", "style")
        with small.counted() as statements:
            changes = diff.compare(tx, repo, first.parent, first.revision)
    assert [change.path for change in changes] == ["d1/0"]
    assert len(statements) <= 7, statements
