"""Pushing, word by word."""

import gzip
import os

import pytest
from starlette.requests import ClientDisconnect

from lorahub_server.doors.git import push as door
from support import packs
from support.packs import ZERO, Made, line, push_body

KIND = {"Content-Type": "application/x-git-receive-pack-request"}
MAIN = "refs/heads/main"


def push(caller, body, repo="alice/style", **headers):
    return caller.post(f"/{repo}/git-receive-pack", body=body, headers={**KIND, **headers})


def status(answer):
    """What is said of each ref, and what the person sees."""
    said = packs.bands(answer.expect(200).body)
    lines = packs.bands(said[1])[0].decode().splitlines()
    return lines, said[2].decode()


def revision(caller):
    return caller.get("repos/alice/style").json()["revision"]


@pytest.fixture
def made():
    return Made()


@pytest.fixture
def sound(made, head):
    """A push of one commit on top of what is there."""
    new = made.files({"README.md": b"# New\n"}, head)
    return new, push_body([(head, new, MAIN)], made.pack())


def test_a_push(alice, sound):
    new, body = sound
    answer = push(alice, body)
    assert answer.headers["content-type"] == "application/x-git-receive-pack-result"
    assert status(answer) == (["unpack ok", f"ok {MAIN}"], "http://hub.test/alice/style\n")
    assert revision(alice) == new
    assert alice.get("repos/alice/style").json()["title"] == "New"


def test_in_pieces_and_compressed(alice, sound):
    new, body = sound
    packed = gzip.compress(body)
    pieces = [packed[at : at + 7] for at in range(0, len(packed), 7)]
    assert status(push(alice, pieces, **{"Content-Encoding": "gzip"}))[0][0] == "unpack ok"
    assert revision(alice) == new


def test_git_asks_whether_it_may(alice, head):
    """Before it sends a long body."""
    assert push(alice, b"0000").expect(200).body == b""


def test_clients_that_know_less(alice, made, head):
    one = made.files({"README.md": b"# New\n"}, head)
    bare = push(alice, push_body([(head, one, MAIN)], made.pack(), b"report-status")).expect(200)
    assert bare.body == line(b"unpack ok\n") + line(f"ok {MAIN}\n".encode()) + b"0000"
    bad = push_body([(head, one, MAIN)], made.pack(), b"report-status")
    lines = packs.bands(push(alice, bad).expect(200).body)[0].decode().splitlines()
    assert lines[0] == "unpack ok"
    assert lines[1].startswith(f"ng {MAIN} The branch main has moved on")
    assert lines[1].endswith("then push again.")
    silent = push(alice, push_body([(one, ZERO, MAIN)], b"", b"delete-refs")).expect(200)
    assert silent.body == b""
    assert revision(alice) == one


def test_a_reason_is_said_once_in_full(alice, made, head):
    new = made.files({"x.pt": b"\x80\x02}q\x00."}, head)
    lines, seen = status(push(alice, push_body([(head, new, MAIN)], made.pack())))
    assert lines[1].startswith(f"ng {MAIN} commit {new[:10]}, x.pt: This is a pickle")
    assert seen.startswith(f"error: commit {new[:10]}, x.pt: This is a pickle")
    assert len(lines[1]) < len(seen)
    assert revision(alice) == head


def test_of_several_refs_one_is_at_fault(alice, made, head):
    new = made.files({"README.md": b"# New\n"}, head)
    updates = [(head, new, MAIN), (ZERO, new, "refs/heads/bad..name"), (ZERO, new, "refs/tags/t")]
    lines, seen = status(push(alice, push_body(updates, made.pack())))
    assert lines[0] == "unpack ok"
    assert lines[1] == f"ng {MAIN} {door._WHOLE}"
    assert lines[2].startswith("ng refs/heads/bad..name A branch or tag name can't")
    assert lines[3] == f"ng refs/tags/t {door._WHOLE}"
    assert "A branch or tag name" in seen
    assert alice.get("repos/alice/style/refs").json()["tags"] == []


@pytest.mark.parametrize(
    ("tail", "says"),
    [
        (b"", "damaged or incomplete"),
        (b"PACK", "damaged or incomplete"),
        (packs.pack([]), "lacks the object"),
        (packs.pack([], count=10**6), "at most 100000 objects"),
        (packs.pack([packs.whole("tree", bytes(5 * 1024 * 1024))]), "too many files"),
    ],
)
def test_packs_that_are_not_right(alice, head, tail, says):
    lines, seen = status(push(alice, push_body([(head, "7" * 40, MAIN)], tail)))
    assert says in seen
    assert lines[1].startswith(f"ng {MAIN} ")
    assert revision(alice) == head


def test_too_much(alice, head, monkeypatch):
    monkeypatch.setattr(door, "PACK_MAX", 2_000_000)
    junk = packs.pack([packs.entry(3, os.urandom(90_000)) for _ in range(40)])
    body = push_body([(head, "7" * 40, MAIN)], junk)
    _, seen = status(push(alice, [body[at : at + 50_000] for at in range(0, len(body), 50_000)]))
    assert "at most 2000000 bytes outside git-lfs" in seen


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"zzzz",
        line(b"nonsense") + b"0000",
        line(b"x y z\0report-status") + b"0000",
        line(f"{ZERO} {'7' * 40} ".encode()) + b"0000",
        line(f"{ZERO} {'7' * 40} refs/heads/".encode() + b"\xff") + b"0000",
        line(f"{ZERO} {'g' * 40} refs/heads/x".encode()) + b"0000",
        line(f"{ZERO} {'7' * 40} refs/heads/x".encode()),
        line(f"{ZERO} {'7' * 40} {MAIN}\0a\0b".encode()) + b"0000",
        line(b"shallow " + b"7" * 40) * 20_001 + b"0000",
    ],
)
def test_what_is_not_the_protocol(alice, body):
    assert "This is not what git sends" in push(alice, body).expect(400).text


def test_who_may_not_push_sends_nothing(site, alice, bob, head):
    """Rights are looked at before the body is asked for; a reader may open a pull request."""
    body = [b"0000", AssertionError("the body was read")]
    assert "needs an account" in push(site.as_token(None), body).expect(401).text
    reader = site.token_of("bob", "read")
    assert "lacks the scope write" in push(reader, body).expect(403).text
    assert push(bob, body, repo="alice/none").expect(404)


def test_a_client_that_goes(alice, sound, head):
    _, body = sound
    for end in (10, len(body) // 2, len(body) - 1):
        with pytest.raises(AssertionError, match="nothing was answered"):
            gone(alice, [body[:end], ClientDisconnect()])
    assert revision(alice) == head


def gone(caller, pieces):
    answer = push(caller, pieces)
    if answer.status == 0:
        raise AssertionError("nothing was answered")
    raise ValueError(f"{answer.status} {answer.body!r}")


def test_every_cut_of_a_push(alice, sound, head):
    _, body = sound
    start = body.index(b"PACK")
    for end in range(start, len(body)):
        _, seen = status(push(alice, body[:end]))
        assert "damaged or incomplete" in seen
    assert revision(alice) == head
    push(alice, body + b"x")
    assert revision(alice) == head
    push(alice, body)
    assert revision(alice) != head


def test_a_branch_and_its_end_need_no_pack(alice, head):
    lines, _ = status(push(alice, push_body([(ZERO, head, "refs/heads/b")], packs.pack([]))))
    assert lines == ["unpack ok", "ok refs/heads/b"]
    lines, _ = status(push(alice, push_body([(head, ZERO, "refs/heads/b")])))
    assert lines == ["unpack ok", "ok refs/heads/b"]


def test_names_in_any_language(alice, head):
    body = push_body([(ZERO, head, "refs/heads/wörter/語")], packs.pack([]))
    assert status(push(alice, body))[0] == ["unpack ok", "ok refs/heads/wörter/語"]
    refs = alice.get("repos/alice/style/refs").json()["branches"]
    assert "wörter/語" in [ref["name"] for ref in refs]


@pytest.mark.parametrize("each", ["first", "second"])
def test_on_both_databases(each_site, each):
    alice = each_site.add_account("alice")
    alice.publish("alice/style", {"README.md": b"# Style\n"})
    made, head = Made(), revision(alice)
    new = made.files({"README.md": f"# {each}\n".encode()}, head)
    lines, _ = status(push(alice, push_body([(head, new, MAIN)], made.pack())))
    assert lines == ["unpack ok", f"ok {MAIN}"]
    assert revision(alice) == new
