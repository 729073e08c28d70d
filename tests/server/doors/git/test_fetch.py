"""Fetching, word by word."""

import gzip
import zlib
from itertools import pairwise

import pytest

from support import packs
from support.packs import line

CAPS = b"multi_ack_detailed side-band-64k thin-pack ofs-delta agent=test"
KIND = {"Content-Type": "application/x-git-upload-pack-request"}


def fetch(caller, body, repo="alice/style", **headers):
    return caller.post(f"/{repo}/git-upload-pack", body=body, headers={**KIND, **headers})


def wish(*wants, caps=CAPS, more=()):
    first, *others = wants
    lines = [b"want " + first.encode() + b" " + caps, *(b"want " + w.encode() for w in others)]
    return b"".join(line(text + b"\n") for text in [*lines, *more])


def haves(*oids):
    return b"".join(line(b"have " + oid.encode() + b"\n") for oid in oids)


DONE = line(b"done\n")


@pytest.fixture
def commits(alice, head):
    """The first commit and two that follow."""
    made = [head]
    for number in range(2):
        answer = alice.commit("alice/style", "More", {"a.txt": b"%d" % number}).expect(201)
        made.append(answer.json()["revision"])
    return made


def test_a_clone(anonymous, alice, head):
    answer = fetch(anonymous, wish(head) + b"0000" + DONE).expect(200)
    assert answer.headers["content-type"] == "application/x-git-upload-pack-result"
    said = packs.bands(answer.body)
    assert said[0] == b"NAK\n"
    assert said[1][:12] == b"PACK\0\0\0\2\0\0\0\3"
    assert b"Counting objects: 3, done." in said[2]
    assert answer.body.endswith(b"0000")


def test_without_bands_the_pack_is_bare(alice, head):
    answer = fetch(alice, wish(head, caps=b"ofs-delta") + b"0000" + DONE).expect(200)
    assert answer.body[:12] == b"0008NAK\nPACK"
    quiet = fetch(alice, wish(head, caps=CAPS + b" no-progress") + b"0000" + DONE)
    assert packs.bands(quiet.body)[2] == b""


class TestTalk:
    @pytest.mark.parametrize(
        ("caps", "said", "has_pack"),
        [
            (b"multi_ack_detailed", "ACK {0} common|ACK {0} ready|NAK|", False),
            (b"multi_ack_detailed no-done", "ACK {0} common|ACK {0} ready|NAK|ACK {0}|", True),
            (b"multi_ack", "ACK {0} continue|NAK|", False),
            (b"ofs-delta", "ACK {0}|", False),
        ],
    )
    def test_one_is_shared(self, alice, commits, caps, said, has_pack):
        wanted = wish(commits[2], caps=caps + b" side-band-64k")
        answer = fetch(alice, wanted + b"0000" + haves(commits[0]) + b"0000").expect(200)
        bands = packs.bands(answer.body)
        assert bands[0].decode().replace("\n", "|") == said.format(commits[0])
        assert bands[1].startswith(b"PACK") == has_pack

    @pytest.mark.parametrize(
        ("caps", "said"),
        [
            (b"multi_ack_detailed", "ACK {0} common|ACK {1} common|ACK {1}|"),
            (b"multi_ack", "ACK {0} continue|ACK {1} continue|ACK {1}|"),
            (b"ofs-delta", "ACK {0}|"),
        ],
    )
    def test_the_end(self, alice, commits, caps, said):
        wanted = wish(commits[2], caps=caps + b" side-band-64k")
        answer = fetch(alice, wanted + b"0000" + haves(*commits[:2]) + DONE).expect(200)
        bands = packs.bands(answer.body)
        assert bands[0].decode().replace("\n", "|") == said.format(*commits)
        assert bands[1][:12] == b"PACK\0\0\0\2\0\0\0\3"

    def test_none_is_shared(self, alice, commits):
        wanted = wish(commits[2]) + b"0000" + haves("7" * 40, "8" * 40)
        assert fetch(alice, wanted + b"0000").body == b"0008NAK\n"
        bands = packs.bands(fetch(alice, wanted + DONE).body)
        assert bands[0] == b"NAK\n"
        assert int.from_bytes(bands[1][8:12], "big") == 9

    def test_enough_is_known(self, alice, commits):
        wanted = wish(commits[2]) + b"0000" + haves(commits[1], "7" * 40) + b"0000"
        said = packs.bands(fetch(alice, wanted).body)[0].decode().replace("\n", "|")
        assert said == f"ACK {commits[1]} common|ACK {'7' * 40} ready|NAK|"

    def test_what_is_wanted_is_here_already(self, alice, commits):
        wanted = wish(commits[2]) + b"0000" + haves(commits[2]) + DONE
        bands = packs.bands(fetch(alice, wanted).body)
        assert bands[1][:12] == b"PACK\0\0\0\2\0\0\0\0"

    def test_nothing_is_wanted(self, alice):
        assert fetch(alice, b"0000").expect(200).body == b""

    def test_shallow_lines_come_before_anything_else(self, alice, commits):
        deepen = [b"deepen 2"]
        answer = fetch(alice, wish(commits[2], more=deepen) + b"0000").expect(200)
        assert answer.body == line(b"shallow " + commits[1].encode()) + b"0000"
        known = [b"shallow " + commits[1].encode(), b"deepen 3"]
        answer = fetch(alice, wish(commits[2], more=known) + b"0000").expect(200)
        assert answer.body == line(b"unshallow " + commits[1].encode()) + b"0000"

    def test_unknown_wishes(self, alice, head):
        answer = fetch(alice, wish("7" * 40) + b"0000" + DONE).expect(200)
        assert answer.body[4:].startswith(b"ERR The repository has no commit or tag 777")
        since = [b"deepen-since 99999999999"]
        answer = fetch(alice, wish(head, more=since) + b"0000" + DONE).expect(200)
        assert answer.body[4:].startswith(b"ERR No commit is that new")
        without = [b"deepen-not refs/heads/none"]
        answer = fetch(alice, wish(head, more=without) + b"0000" + DONE).expect(200)
        assert answer.body[4:].startswith(b"ERR There is no such branch or tag")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"00",
        b"0003",
        b"zzzz",
        b"-001",
        b"0005",
        b"fff0want ",
        line(b"want") + b"0000",
        line(b"want " + b"g" * 40) + b"0000",
        line(b"want \xff") + b"0000",
        line(b"have " + b"7" * 40) + b"0000",
        line(b"want " + b"7" * 40),
        line(b"want " + b"7" * 40 + b"\n") + line(b"deepen x\n") + b"0000",
        line(b"want " + b"7" * 40 + b"\n") + line(b"deepen -1\n") + b"0000",
        line(b"want " + b"7" * 40 + b"\n") + line(b"deepen 99999999999999999999\n") + b"0000",
        line(b"want " + b"7" * 40 + b"\n") + line(b"filter blob:none\n") + b"0000",
        line(b"want " + b"7" * 40 + b"\n") + line(b"deepen-not \xff\n") + b"0000",
        line(b"want " + b"7" * 40 + b"\n") + b"0000" + line(b"nonsense"),
        line(b"want " + b"7" * 40 + b"\n") + b"0000" + line(b"have x"),
        b"".join(line(b"want %040x" % n) for n in range(10_001)) + b"0000",
    ],
)
def test_what_is_not_the_protocol(alice, body):
    assert "This is not what git sends" in fetch(alice, body).expect(400).text


class TestCompressed:
    def test_as_git_does_it(self, alice, head):
        body = gzip.compress(wish(head) + b"0000" + DONE)
        for encoding in ("gzip", "x-gzip"):
            answer = fetch(alice, body, **{"Content-Encoding": encoding}).expect(200)
            assert b"PACK" in answer.body
        pieces = [body[:5], body[5:20], body[20:]]
        assert b"PACK" in fetch(alice, pieces, **{"Content-Encoding": "gzip"}).expect(200).body

    @pytest.mark.parametrize(
        ("body", "encoding", "status"),
        [
            (b"not gzip", "gzip", 400),
            (gzip.compress(b"0000", mtime=0)[:-9], "gzip", 400),
            (b"", "gzip", 400),
            (b"0000", "br", 400),
            (gzip.compress(bytes(50 * 1024 * 1024), mtime=0), "gzip", 413),
            (zlib.compress(b"0000"), "gzip", 400),
        ],
    )
    def test_otherwise(self, alice, body, encoding, status):
        fetch(alice, body, **{"Content-Encoding": encoding}).expect(status)

    def test_a_long_body(self, alice):
        fetch(alice, bytes(11 * 1024 * 1024)).expect(413)


def test_a_repository_that_goes_meanwhile(alice, head):
    """The client hears of it on the band for errors."""

    def delete(_message):
        alice.delete("repos/alice/style").expect(204)

    answer = alice.call(
        "POST",
        "/alice/style/git-upload-pack",
        body=wish(head) + b"0000" + DONE,
        headers=KIND,
        on_start=delete,
    )
    assert b"The repository changed while it was read" in packs.bands(answer.body)[3]


def test_every_cut_of_a_request(alice, head):
    body = wish(head) + b"0000" + haves("7" * 40) + DONE
    ends = {len(body)}
    for end in range(len(body)):
        ends.add(end)
        assert fetch(alice, body[:end]).status in {200, 400}
    assert all(b - a == 1 for a, b in pairwise(sorted(ends)))
