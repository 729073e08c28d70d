"""Pushes as the services see them, on both databases."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from lorahub_server.access.errors import NotAllowed, RepoGone
from lorahub_server.jobs.tables import Job
from lorahub_server.kit.errors import HubError
from lorahub_server.library import service as library
from lorahub_server.repos import history, receive, refs, service, trees
from lorahub_server.repos.pack_read import unpacking
from lorahub_server.repos.pack_source import Source
from lorahub_server.repos.receive import Update
from lorahub_server.repos.receive_apply import apply
from lorahub_server.repos.receive_errors import PushRefused
from lorahub_server.repos.tables import CommitRow, GitObject, Ref
from support import packs
from support.git import Git
from support.inside import Inside, adapter, sha256
from support.packs import Made

MAIN = "refs/heads/main"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n"


def pointer(data: bytes) -> bytes:
    return POINTER.format(sha256(data), len(data)).encode()


@pytest.fixture
def hub(inside: Inside) -> Inside:
    inside.make_repo()
    return inside


@pytest.fixture
def quick(small: Inside) -> Inside:
    small.make_repo()
    return small


def unpack(unpacked, made: Made) -> None:
    source = Source([made.pack()])
    source.begin_pack()
    unpacked.unpack(source)


def push(hub: Inside, made: Made, *updates: Update, who="alice", between=None, **more) -> None:
    with unpacking() as unpacked:
        unpack(unpacked, made)
        with hub.look(who) as tx:
            repo = service.get_repo(tx, "alice", "style")
            prepared = receive.check(tx, repo, updates, unpacked)
        if between is not None:
            between()
        with hub.tx(who, **more) as tx:
            apply(tx, service.get_repo(tx, "alice", "style"), prepared, unpacked)


def refused(hub: Inside, made: Made, *updates: Update, **more) -> str:
    before = counts(hub)
    with pytest.raises(PushRefused) as caught:
        push(hub, made, *updates, **more)
    if "between" not in more:
        assert counts(hub) == before
    return f"{caught.value.ref}: {caught.value.place or ''}: {caught.value.message}"


def counts(hub: Inside) -> list[int]:
    with hub.look() as tx:
        return [
            tx.session.scalar(select(func.count()).select_from(table)) or 0
            for table in (GitObject, CommitRow, Ref, Job)
        ]


def first(hub: Inside) -> str:
    revision = hub.commit({"README.md": b"# One\n"}).revision
    assert revision is not None
    return revision


def test_everything_follows_as_after_a_commit(hub: Inside, tmp_path):
    weights = adapter(1)
    hub.upload(weights)
    made = Made()
    config = made.add("blob", b'{"peft_type": "LORA"}')
    folder = made.add("tree", packs.tree(
        ("100644", "adapter_config.json", config),
        ("100644", "adapter_model.safetensors", made.add("blob", pointer(weights))),
    ))  # fmt: skip
    root = made.add("tree", packs.tree(
        ("100644", "README.md", made.add("blob", b"---\nlicense: mit\n---\n# Pushed\n")),
        ("40000", "a", folder),
    ))  # fmt: skip
    head = made.add("commit", packs.commit(root, message=b"Title\n\nAnd more.\n"))
    push(hub, made, Update(MAIN, None, head))
    with hub.look() as tx:
        repo = service.get_repo(tx, "alice", "style")
        assert refs.head(tx, repo) == head
        info = history.get_commit(tx, repo, head)
        assert (info.title, info.message) == ("Title", "Title\n\nAnd more.\n")
        assert (info.author, info.files, info.parent) == ("A", 3, None)
        assert info.created_at == datetime.fromtimestamp(1_700_000_000, UTC)
        found = trees.get_entry(tx, repo, head, "a/adapter_model.safetensors")
        assert (found.large, found.size, found.sha256) == (True, len(weights), sha256(weights))
        shown = library.details(tx, repo).repo
        assert (shown.title, shown.license) == ("Pushed", "mit")
        (job,) = tx.session.scalars(select(Job).where(Job.kind == "inspect"))
        assert job.args == {"sha256": sha256(weights), "config": {"peft_type": "LORA"}}
        assert job.account_id == tx.caller.account_id
        Git(tmp_path / "git").take(hub.db, repo.id).check()
    # Whoever reads the repository may use the file now.
    hub.make_repo("other", "bob")
    hub.commit({"x.safetensors": sha256(weights)}, "other", "bob")


def test_the_configuration_may_come_later(hub: Inside):
    weights = adapter(1)
    hub.upload(weights)
    made = Made()
    one = made.files({"adapter_model.safetensors": pointer(weights)})
    two = made.files(
        {"adapter_config.json": b'{"r": 4}', "adapter_model.safetensors": pointer(weights)}, one
    )
    push(hub, made, Update(MAIN, None, two))
    with hub.look() as tx:
        (job,) = tx.session.scalars(select(Job).where(Job.kind == "inspect"))
        assert job.args["config"] == {"r": 4}


def test_one_who_was_quicker_wins(hub: Inside):
    old = first(hub)
    made = Made()
    mine = made.files({"README.md": b"# Mine\n"}, old)
    theirs: list[str | None] = []

    def quicker():
        theirs.append(hub.commit({"README.md": b"# Theirs\n"}).revision)

    said = refused(hub, made, Update(MAIN, old, mine), between=quicker)
    assert "The branch main has moved on since you fetched it" in said
    with hub.look() as tx:
        assert [refs.head(tx, service.get_repo(tx, "alice", "style"))] == theirs
        assert tx.session.get(GitObject, (1, mine)) is None
    assert "has moved on" in refused(hub, made, Update(MAIN, None, mine))
    assert "has moved on" in refused(hub, made, Update(MAIN, mine, old))
    gone = Update("refs/heads/none", old, None)
    assert "The branch none has moved on" in refused(hub, made, gone)


def test_rights_are_looked_at_again(hub: Inside):
    old = first(hub)
    made = Made()
    new = made.files({"README.md": b"# Mine\n"}, old)
    with pytest.raises(NotAllowed):
        push(hub, made, Update(MAIN, old, new), who="bob")

    def delete():
        with hub.tx() as tx:
            service.delete_repo(tx, service.get_repo(tx, "alice", "style"))

    with pytest.raises(RepoGone):
        push(hub, made, Update(MAIN, old, new), between=delete)


def test_a_large_file_must_be_here_and_ones_own(hub: Inside):
    old = first(hub)
    made, weights = Made(), adapter(2)
    new = made.files({"x.safetensors": pointer(weights)}, old)
    assert "x.safetensors: The large file behind this" in refused(hub, made, Update(MAIN, old, new))
    hub.upload(weights, who="bob")
    assert "is not here" in refused(hub, made, Update(MAIN, old, new))
    hub.upload(weights)
    push(hub, made, Update(MAIN, old, new))
    wrong = Made()
    other = wrong.files({"x.safetensors": pointer(weights)[:-2] + b"9\n"}, new)
    assert f"the file has {len(weights)} bytes" in refused(hub, wrong, Update(MAIN, new, other))


def test_all_or_nothing(hub: Inside):
    old = first(hub)
    made = Made()
    new = made.files({"README.md": b"# Mine\n"}, old)
    bad = made.files({"README.md": b"---\nx: [\n---\n"}, new)
    said = refused(
        hub, made,
        Update("refs/heads/good", None, new),
        Update("refs/heads/bad", None, bad),
        Update(MAIN, old, new),
    )  # fmt: skip
    assert said.startswith("refs/heads/bad: ")


@pytest.mark.parametrize(
    ("what", "says"),
    [
        (lambda made, old: "7" * 40, "lacks the object 7777"),
        (lambda made, old: made.add("commit", packs.commit("7" * 40, old)), "lacks the object 77"),
        (lambda made, old: made.files({}, "7" * 40), "lacks the object 7777"),
        (
            lambda made, old: made.add(
                "commit", packs.commit(made.add("tree", packs.tree(("100644", "x", "7" * 40))), old)
            ),
            "lacks the object 7777",
        ),
        (
            lambda made, old: made.add(
                "commit", packs.commit(made.add("tree", packs.tree(("40000", "x", "7" * 40))), old)
            ),
            "lacks the object 7777",
        ),
        (lambda made, old: made.add("tree", b""), "A branch is at a commit"),
        (lambda made, old: made.add("blob", b""), "A branch is at a commit"),
        (
            lambda made, old: made.add("commit", packs.commit(made.add("blob", b""), old)),
            "lacks the object",
        ),
        (
            lambda made, old: made.add(
                "commit",
                packs.commit(made.add("tree", packs.tree(("100644", "x", old))), old),
            ),
            "damaged folder",
        ),
    ],
)
def test_what_is_not_whole(quick: Inside, what, says):
    old = first(quick)
    made = Made()
    new = what(made, old)
    assert says in refused(quick, made, Update(MAIN, old, new))


def line(mode="100644", name="x"):
    return mode, name, packs.oid("blob", b"x")


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([line(name="b"), line(name="a")], "damaged folder"),
        ([line(name="a"), line(name="a")], "damaged folder"),
        ([line(name="a"), ("40000", "a", packs.oid("tree", b""))], "damaged folder"),
        ([line(mode="100664")], "damaged folder"),
        ([line(mode="0100644")], "damaged folder"),
        ([line(mode="777")], "damaged folder"),
        ([("100644", "x", "0" * 40)], "damaged folder"),
        ([line(name="a/b")], "damaged folder"),
        ([line(name="")], "file path"),
        ([line(name="..")], ".. parts"),
        ([line(name=".git")], ".git"),
        ([line(name=".GIT")], ".git"),
        ([line(name="git~1")], ".git"),
        ([line(name="x\udcff")], "not UTF-8"),
        ([line(name="A"), line(name="a")], "one name on many disks"),
        ([line(mode="120000")], "Symbolic links"),
        ([line(mode="160000")], "Submodules"),
        ([("40000", "x", packs.oid("tree", b""))], "a folder with nothing in it"),
        ([line(name="a" * 256)], "at most 255 bytes"),
    ],
)
def test_trees_that_no_git_would_write(quick: Inside, lines, says):
    old = first(quick)
    made = Made()
    made.add("blob", b"x")
    made.add("tree", b"")
    new = made.add("commit", packs.commit(made.add("tree", packs.tree(*lines)), old))
    assert says in refused(quick, made, Update(MAIN, old, new))


def test_a_folder_may_be_emptied(hub: Inside):
    old = first(hub)
    made = Made()
    new = made.files({}, old)
    push(hub, made, Update(MAIN, old, new))
    with hub.look() as tx:
        repo = service.get_repo(tx, "alice", "style")
        assert trees.list_entries(tx, repo, new) == []
        assert history.get_commit(tx, repo, new).files == 0


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"message": b""}, ("No message", "A")),
        ({"message": b"\n\n"}, ("No message", "A")),
        ({"message": b"a\0b\x1bc\xffd\n"}, ("a\ufffdb\ufffdc\ufffdd", "A")),
        ({"message": "Größe".encode("latin-1")}, ("Gr\ufffd\ufffde", "A")),
        ({"message": b"x" * 5000}, ("x" * 199 + "…", "A")),
        ({"who": b"Z\xc3\xa9 \x07 <z@b>"}, ("Change", "Zé \ufffd")),
        ({"who": b" <z@b>"}, ("Change", "Nobody")),
        ({"who": b"N" * 500 + b" <z@b>"}, ("Change", "N" * 200)),
        ({"who": b"Bob <alice@users.noreply.lorahub>"}, ("Change", "alice")),
        ({"who": b"alice <bob@users.noreply.lorahub>"}, ("Change", "alice")),
        ({"more": b"encoding latin-1\ngpgsig -----BEGIN\n more\n -----END\n"}, ("Change", "A")),
    ],
)
def test_what_lists_show_of_odd_commits(hub: Inside, changes, shown):
    made = Made()
    head = made.add("commit", packs.commit(made.add("tree", b""), **changes))
    push(hub, made, Update(MAIN, None, head))
    with hub.look() as tx:
        info = history.get_commit(tx, service.get_repo(tx, "alice", "style"), head)
        assert (info.title, info.author) == shown
        row = tx.session.get_one(CommitRow, (1, head))
        assert (row.author_id is not None) == (b"<alice@users" in changes.get("who", b""))


@pytest.mark.parametrize("time", [0, -5, 2**31, 2**40, 2**62])
def test_any_date(hub: Inside, time):
    made = Made()
    head = made.add("commit", packs.commit(made.add("tree", b""), time=time))
    push(hub, made, Update(MAIN, None, head))
    with hub.look() as tx:
        info = history.get_commit(tx, service.get_repo(tx, "alice", "style"), head)
        assert info.created_at >= datetime(1970, 1, 1, tzinfo=UTC)
        assert info.created_at <= datetime.max.replace(tzinfo=UTC) - timedelta(days=0)


def outcome(hub: Inside, made: Made, update: Update) -> str:
    try:
        push(hub, made, update)
    except HubError:
        return "refused"
    return "taken"


def test_odd_objects_never_break_anything(quick: Inside):
    """Whatever is changed in a sound push, it is taken or refused with a reason."""
    old = first(quick)
    chance = random.Random(7)
    blob = packs.oid("blob", b"x")
    sound = {
        "tree": packs.tree(("100644", "a", blob), ("40000", "b", packs.oid("tree", b""))),
        "commit": packs.commit(packs.oid("tree", b""), old, more=b"gpgsig x\n y\n"),
        "tag": b"object " + old.encode() + b"\ntype commit\ntag v1\ntagger A <a@b> 5 +0000\n\nx\n",
    }
    outcomes = {"taken": 0, "refused": 0}
    said: list[str] = []
    for number in range(600):
        kind = ("tree", "commit", "tag")[number % 3]
        data = bytearray(sound[kind])
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(len(data))
            step = chance.randrange(3)
            data[at : at + (step != 0)] = chance.randbytes(1) if step != 1 else b""
        made = Made()
        made.add("blob", b"x")
        made.add("tree", b"")
        changed = made.add(kind, bytes(data))
        target = changed
        if kind == "tree":
            target = made.add("commit", packs.commit(changed, old))
        ref = f"refs/tags/t{number}" if kind == "tag" else f"refs/heads/b{number}"
        outcomes[outcome(quick, made, Update(ref, None, target))] += 1
    assert min(outcomes.values()) > 10, outcomes
    assert [text for text in said if not text.endswith((".", "..."))] == []


def test_commits_are_taken_once(hub: Inside):
    """Git sends again what it thinks is missing."""
    old = first(hub)
    made = Made()
    new = made.files({"README.md": b"# Mine\n"}, old)
    push(hub, made, Update("refs/heads/a", None, new))
    before = counts(hub)
    push(hub, made, Update("refs/heads/b", None, new))
    after = counts(hub)
    assert after == [before[0], before[1], before[2] + 1, before[3]]


def test_objects_that_nothing_leads_to_are_dropped(hub: Inside):
    old = first(hub)
    made = Made()
    new = made.files({"README.md": b"# Mine\n"}, old)
    stray = [made.add("blob", b"stray"), made.add("tree", packs.tree(line()))]
    stray.append(made.add("commit", packs.commit(stray[1])))
    push(hub, made, Update(MAIN, old, new))
    with hub.look() as tx:
        assert [tx.session.get(GitObject, (1, oid)) for oid in stray] == [None] * 3


def test_a_ref_can_be_named_once(hub: Inside):
    old = first(hub)
    said = refused(
        hub, Made(), Update("refs/heads/a", None, old), Update("refs/heads/a", None, old)
    )
    assert "The ref is there twice" in said


def test_forward_along_what_is_here(hub: Inside):
    """The branch moves over commits that came by another one, also around a merge."""
    old = first(hub)
    made = Made()
    one = made.files({"a": b"1"}, old)
    side = made.files({"b": b"1"}, old)
    merge = made.files({"a": b"1", "b": b"1"}, side, one)
    push(hub, made, Update("refs/heads/dev", None, merge))
    push(hub, Made(), Update(MAIN, old, merge))
    back = refused(hub, Made(), Update(MAIN, merge, one))
    assert "only moves forward" in back
