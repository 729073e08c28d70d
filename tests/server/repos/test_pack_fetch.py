"""Whatever somebody has and wants: with what is sent to them, git finds it all."""

import random
from pathlib import Path

import pytest

from lorahub_server.kit.db import Database
from lorahub_server.repos import pack_select, pack_write, receive, refs, service
from lorahub_server.repos.errors import RevisionNotFound
from lorahub_server.repos.pack_fetch import Cut, History
from lorahub_server.repos.pack_read import unpacking
from lorahub_server.repos.pack_select import Vanished
from lorahub_server.repos.pack_source import Source
from lorahub_server.repos.receive import Update
from lorahub_server.repos.receive_apply import apply
from support import packs
from support.git import Git
from support.inside import Inside
from support.packs import Made


@pytest.fixture
def hub(small: Inside) -> Inside:
    small.make_repo()
    return small


def take(hub: Inside, packed: bytes, *updates: Update) -> None:
    with unpacking() as unpacked:
        source = Source([packed])
        source.begin_pack()
        unpacked.unpack(source)
        with hub.tx() as tx:
            repo = service.get_repo(tx, "alice", "style")
            apply(tx, repo, receive.check(tx, repo, updates, unpacked), unpacked)


def shipped(
    hub: Inside,
    wants: list[str],
    haves: list[str] | None = None,
    *,
    thin: bool = True,
    shallow: list[str] | None = None,
    cut: Cut | None = None,
) -> tuple[bytes, History]:
    with hub.look(None) as tx:
        repo = service.get_repo(tx, "alice", "style")
        history = History(tx, repo, wants, cut=cut, shallow=shallow or [])
        shipment = history.shipment(haves or [], with_tags=True)
    for _ in shipment.choose(hub.db):
        pass
    return b"".join(shipment.pack(hub.db, has_thin=thin)), history


def count(packed: bytes) -> int:
    return int.from_bytes(packed[8:12], "big")


class Tangle:
    """A history of some merges and reverts, in nested folders, as chance has it."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.made = Made()
        self.contents: dict[str, dict[str, bytes]] = {}
        self.commits: list[str] = []
        for number in range(40):
            self.step(number)

    def step(self, number: int) -> None:
        chance = self.chance
        parents = chance.sample(self.commits, min(len(self.commits), chance.choice([1, 1, 1, 2])))
        files = dict(self.contents[parents[0]]) if parents else {}
        if self.commits and chance.random() < 0.2:
            files = dict(self.contents[chance.choice(self.commits)])
        for _ in range(chance.randrange(4)):
            folder = "/".join(chance.choice("ab") for _ in range(chance.randrange(4)))
            path = f"{folder}/f{chance.randrange(6)}".lstrip("/")
            files[path] = b"%d" % chance.randrange(30) * chance.choice([1, 300])
        if not files:
            files["x"] = b"x"
        tree = self.tree(files)
        stamp = 1_700_000_000 + number * 60
        oid = self.made.add(
            "commit", packs.commit(tree, *parents, time=stamp, message=b"%d\n" % number)
        )
        self.commits.append(oid)
        self.contents[oid] = files

    def tree(self, files: dict[str, bytes]) -> str:
        lines, below = [], {}
        for path, data in files.items():
            name, _, rest = path.partition("/")
            if rest:
                below.setdefault(name, {})[rest] = data
            else:
                lines.append(("100644", name, self.made.add("blob", data)))
        lines += [("40000", name, self.tree(inside)) for name, inside in below.items()]
        ordered = sorted(lines, key=lambda x: x[1] + ("/" if x[0] == "40000" else ""))
        return self.made.add("tree", packs.tree(*ordered))


@pytest.mark.parametrize("seed", range(4))
def test_any_wish_is_fulfilled(hub: Inside, tmp_path: Path, seed: int):
    tangle = Tangle(seed)
    first = tangle.commits[0]
    names = [Update(f"refs/heads/b{n}", None, oid) for n, oid in enumerate(tangle.commits)]
    take(hub, tangle.made.pack(), Update("refs/heads/main", None, first), *names)
    for number in range(6):
        haves = tangle.chance.sample(tangle.commits, tangle.chance.randrange(4))
        wants = tangle.chance.sample(tangle.commits, tangle.chance.randrange(1, 4))
        thin = tangle.chance.random() < 0.7
        git = Git(tmp_path / f"git{number}")
        if haves:
            before, _ = shipped(hub, haves, thin=False)
            git.run("index-pack", "--stdin", "--strict", stdin=before)
        packed, _ = shipped(hub, wants, haves, thin=thin)
        fix = ["--fix-thin"] if thin else []
        if count(packed):
            git.run("index-pack", "--stdin", "--strict", *fix, stdin=packed)
        # Fails when anything is missing.
        git.run("rev-list", "--objects", *wants)
        for want in wants:
            git.run("update-ref", f"refs/heads/{want[:8]}", want)
        git.check()


@pytest.mark.parametrize("seed", [11, 12])
@pytest.mark.parametrize("depth", [1, 2, 5])
def test_shallow_ones_grow(hub: Inside, tmp_path: Path, seed: int, depth: int):
    tangle = Tangle(seed)
    take(hub, tangle.made.pack(), Update("refs/heads/main", None, tangle.commits[-1]))
    git, head = Git(tmp_path / "git"), tangle.commits[-1]
    packed, history = shipped(hub, [head], cut=Cut(depth=depth))
    git.run("index-pack", "--stdin", stdin=packed)
    ends = sorted(history.ends)
    (git.folder / ".git/shallow").write_text("".join(f"{oid}\n" for oid in ends))
    git.run("update-ref", "refs/heads/main", head)
    git.check()
    packed, history = shipped(hub, [head], [head], shallow=ends, cut=Cut(depth=depth + 2))
    if count(packed):
        git.run("index-pack", "--stdin", "--fix-thin", stdin=packed)
    ends = sorted((set(ends) - history.unshallowed) | history.ends)
    (git.folder / ".git/shallow").write_text("".join(f"{oid}\n" for oid in ends))
    git.check()
    # Without a new depth it stays as deep as it is.
    packed, _ = shipped(hub, [head], [head], shallow=ends)
    assert count(packed) == 0
    packed, history = shipped(hub, [head], [head], shallow=ends, cut=Cut(depth=2**31 - 1))
    assert (history.ends, history.unshallowed) == (set(), set(ends))
    if count(packed):
        git.run("index-pack", "--stdin", "--fix-thin", stdin=packed)
    (git.folder / ".git/shallow").unlink(missing_ok=True)
    git.check()


def test_only_what_is_new_is_sent(hub: Inside):
    files = {f"d/f{number:03}.txt": b"%d" % number for number in range(300)}
    one = hub.commit(files).revision
    two = hub.commit({"d/f007.txt": b"changed"}).revision
    assert one is not None
    assert two is not None
    packed, _ = shipped(hub, [two], [one])
    assert count(packed) == 4  # commit, two trees, a file
    assert len(packed) < 1000  # of the large tree only what changed
    whole, _ = shipped(hub, [two], [one], thin=False)
    assert len(whole) > 5000


def test_versions_of_a_tree_are_sent_as_changes(hub: Inside, tmp_path: Path):
    hub.commit({f"f{number:03}.txt": b"%d" % number for number in range(300)})
    head = None
    for number in range(60):
        head = hub.commit({f"f{number:03}.txt": b"changed"}).revision
    assert head is not None
    packed, _ = shipped(hub, [head], thin=False)
    assert len(packed) < 45_000  # 61 whole trees have 600,000 bytes
    git = Git(tmp_path / "git")
    git.run("index-pack", "--stdin", "--strict", stdin=packed)
    git.run("update-ref", "refs/heads/main", head)
    git.check()


def test_a_change_that_was_taken_back(hub: Inside, tmp_path: Path):
    """The tree of the third commit is that of the first: neither may be a change of the other."""
    files = {f"f{number:03}.txt": b"%d" % number for number in range(100)}
    one = hub.commit(files).revision
    hub.commit({"f001.txt": b"changed"})
    three = hub.commit({"f001.txt": b"1", "f002.txt": b"2"}).revision
    assert one is not None
    assert three is not None
    for haves in ([], [one]):
        git = Git(tmp_path / f"git{len(haves)}")
        if haves:
            git.run("index-pack", "--stdin", stdin=shipped(hub, haves, thin=False)[0])
        packed, _ = shipped(hub, [three], haves)
        git.run("index-pack", "--stdin", "--fix-thin", "--strict", stdin=packed)
        git.run("update-ref", "refs/heads/main", three)
        git.check()


def test_many_small_reads(hub: Inside, tmp_path: Path, monkeypatch):
    """The limits on what is read at once change nothing about what is sent."""
    tangle = Tangle(21)
    take(hub, tangle.made.pack(), Update("refs/heads/main", None, tangle.commits[-1]))
    wanted = [tangle.commits[-1]]
    usual, _ = shipped(hub, wanted, thin=False)
    monkeypatch.setattr(pack_select, "_COMMITS", 2)
    monkeypatch.setattr(pack_write, "_GROUP", 3)
    monkeypatch.setattr(pack_write, "_GROUP_BYTES", 500)
    monkeypatch.setattr(pack_write, "_RECENT_BYTES", 400)
    packed, _ = shipped(hub, wanted, thin=False)
    assert count(packed) == count(usual)
    git = Git(tmp_path / "git")
    git.run("index-pack", "--stdin", "--strict", stdin=packed)
    git.run("update-ref", "refs/heads/main", *wanted)
    git.check()


def test_statements_do_not_grow_with_the_history(hub: Inside):
    def statements() -> int:
        with hub.look() as tx:
            oid = refs.head(tx, service.get_repo(tx, "alice", "style"))
        assert oid is not None
        with hub.counted() as seen:
            shipped(hub, [oid])
        return len(seen)

    hub.commit({"a/b/c.txt": b"0"})
    few = statements()
    for number in range(50):
        hub.commit({"a/b/c.txt": b"%d" % number, "d.txt": b"%d" % number})
    assert statements() <= few + 3


def test_a_repository_that_goes_while_it_is_sent(hub: Inside):
    head = hub.commit({"a.txt": b"1"}).revision
    assert head is not None
    with hub.look() as tx:
        repo = service.get_repo(tx, "alice", "style")
        shipment = History(tx, repo, [head]).shipment([], with_tags=False)
    list(shipment.choose(hub.db))
    delete(hub)
    with pytest.raises(Vanished):
        list(shipment.pack(hub.db, has_thin=False))
    with pytest.raises(Vanished):
        list(shipment.choose(hub.db))


def delete(hub: Inside) -> None:
    with hub.tx() as tx:
        service.delete_repo(tx, service.get_repo(tx, "alice", "style"))


def test_nothing_is_held_between_two_steps(hub: Inside, monkeypatch):
    """A slow client must not keep a transaction open."""
    head = hub.commit({"a.txt": b"1"}).revision
    assert head is not None
    with hub.look() as tx:
        repo = service.get_repo(tx, "alice", "style")
        shipment = History(tx, repo, [head]).shipment([], with_tags=False)
    db: Database = hub.db
    for _ in shipment.choose(db):
        assert db.engine.pool.checkedout() == 0
    for _ in shipment.pack(db, has_thin=False):
        assert db.engine.pool.checkedout() == 0


@pytest.mark.parametrize("want", ["7" * 40, "blob", "tree"])
def test_only_commits_and_tags_can_be_asked_for(hub: Inside, want: str):
    hub.commit({"a.txt": b"1"})
    oid = {"blob": packs.oid("blob", b"1"), "tree": packs.oid("tree", b"")}.get(want, want)
    with hub.look() as tx, pytest.raises(RevisionNotFound):
        History(tx, service.get_repo(tx, "alice", "style"), [oid])
