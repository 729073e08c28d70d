"""Which commits changed a file, page by page, against what git tells."""

import pytest

from lorahub_server.repos import blame, refs
from lorahub_server.repos import service as repos
from lorahub_server.repos.errors import EntryNotFound
from support.inside import Inside


def all_touches(hub: Inside, path: str, *, limit: int) -> list[tuple[str, str]]:
    """Everything, asked for page by page: title and kind, the newest first."""
    found: list[tuple[str, str]] = []
    after = None
    with hub.look() as tx:
        repo = repos.get_repo(tx, "alice", "style")
        head = refs.head(tx, repo)
        for _ in range(100):
            page = blame.touches(tx, repo, head, path, limit=limit, after=after)
            assert len(page.found) <= limit
            found += [(one.commit.title, one.kind) for one in page.found]
            after = page.after
            if after is None:
                return found
    raise AssertionError("the pages never end")


@pytest.mark.parametrize(("limit", "looked_at"), [(1, 500), (3, 500), (50, 25), (2, 25)])
def test_every_change_comes_once_on_some_page(inside, monkeypatch, limit, looked_at):
    monkeypatch.setattr(blame, "_LOOKED_AT", looked_at)
    inside.make_repo()
    wanted = []
    there = None
    for number in range(60):
        # A file that changes at every seventh commit, and is away for a while.
        files: dict[str, bytes | str | None] = {"other.txt": b"%d" % number}
        if number % 7 == 3:
            gone = number % 21 == 17
            files["deep/in/it.txt"] = None if gone else b"%d" % number
            kind = "removed" if gone else "changed" if there else "added"
            there = not gone
            wanted.append((f"c{number}", kind))
        inside.commit(files, message=f"c{number}")
    assert all_touches(inside, "deep/in/it.txt", limit=limit) == wanted[::-1]


def test_what_never_was_is_not_found(inside):
    inside.make_repo()
    inside.commit({"a.txt": b"1"})
    with inside.look() as tx:
        repo = repos.get_repo(tx, "alice", "style")
        head = refs.head(tx, repo)
        for path in ("b.txt", "a.txt/x", "", "a//b"):
            with pytest.raises(EntryNotFound):
                blame.touches(tx, repo, head, path, limit=5)
