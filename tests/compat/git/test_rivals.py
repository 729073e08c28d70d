"""Pushes at the same time, and pushes that break off."""

import http.client
import time
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from support.clones import Clone
from support.http import Api


def at_once(clones: list[Clone], *arguments: str) -> list[tuple[int, str]]:
    started = [clone.machine.start(clone.folder, "push", *arguments) for clone in clones]
    said = [process.communicate(timeout=60)[1].decode() for process in started]
    return [(process.returncode, text) for process, text in zip(started, said, strict=True)]


def revision(api: Api, repo: str) -> str:
    return str(api.get(f"repos/{repo}").json()["revision"])


def test_of_several_pushes_one_wins(each_crowd):
    repo = each_crowd.repo({"README.md": b"# Style\n"})
    machine = each_crowd.machine(each_crowd.alice)
    clones = [machine.clone(repo, f"copy{number}") for number in range(4)]
    heads = [clone.commit("Mine", {"a.txt": str(n)}) for n, clone in enumerate(clones)]
    said = at_once(clones, "origin", "main")
    winners = [number for number, (code, _) in enumerate(said) if code == 0]
    assert len(winners) == 1, said
    assert revision(each_crowd.alice, repo) == heads[winners[0]]
    for code, text in said:
        assert code == 0 or "has moved on since you fetched it" in text or "fetch first" in text
    loser = next(clone for number, clone in enumerate(clones) if number not in winners)
    loser.git("pull", "-q", "--rebase", "-X", "theirs")
    loser.git("push", "-q")
    loser.check()


def test_several_branches_at_once(each_crowd):
    repo = each_crowd.repo({"README.md": b"# Style\n"})
    machine = each_crowd.machine(each_crowd.alice)
    clones = [machine.clone(repo, f"copy{number}") for number in range(4)]
    for number, clone in enumerate(clones):
        clone.commit("Mine", {"a.txt": str(number), "same.txt": "same"})
        clone.git("config", "push.default", "upstream")
        clone.git("push", "-q", "--dry-run", "origin", f"HEAD:b{number}")
    started = [
        clone.machine.start(clone.folder, "push", "origin", f"HEAD:b{number}")
        for number, clone in enumerate(clones)
    ]
    for process in started:
        assert process.wait(60) == 0, process.stderr.read()
    other = machine.clone(repo, "other")
    other.check()
    for number, clone in enumerate(clones):
        assert other.git("rev-parse", f"origin/b{number}") == clone.head


@pytest.fixture
def recorded(clone: Clone) -> bytes:
    """What git sends for a push of one commit."""
    head = clone.commit("One", {"a.txt": "1" * 5000, "b.txt": "2"})
    old = clone.git("rev-parse", "HEAD~1")
    line = f"{old} {head} refs/heads/main\0report-status side-band-64k agent=test"
    pack = clone.machine.bytes(
        clone.folder, "pack-objects", "--revs", "--stdout", given=f"{head}\n^{old}\n".encode()
    )
    return f"{len(line) + 4:04x}{line}0000".encode() + pack


def test_a_push_that_breaks_off_leaves_nothing(crowd, clone, repo, recorded):
    before = revision(crowd.alice, repo)
    for share in (0.02, 0.5, 0.99):
        with closing(connection(crowd, repo, len(recorded))) as open_one:
            open_one.send(recorded[: int(len(recorded) * share)])
            time.sleep(0.05)
    with closing(connection(crowd, repo, len(recorded) - 7)) as open_one:
        open_one.send(recorded[:-7])
        answer = open_one.getresponse()
        assert b"damaged or incomplete" in answer.read()
    assert revision(crowd.alice, repo) == before
    crowd.alice.get(f"repos/{repo}/commits/{clone.head}").expect(404)
    assert "request_failed" not in crowd.hub.said()
    with closing(connection(crowd, repo, len(recorded))) as open_one:
        open_one.send(recorded)
        assert b"unpack ok" in open_one.getresponse().read()
    assert revision(crowd.alice, repo) == clone.head


def connection(crowd, repo, length) -> http.client.HTTPConnection:
    made = http.client.HTTPConnection(urlsplit(crowd.hub.endpoint).netloc, timeout=30)
    made.putrequest("POST", f"/{repo}/git-receive-pack")
    made.putheader("Authorization", f"Bearer {crowd.alice.token}")
    made.putheader("Content-Type", "application/x-git-receive-pack-request")
    made.putheader("Content-Length", str(length))
    made.endheaders()
    return made


def test_a_clone_that_breaks_off_can_be_done_again(crowd, clone, repo):
    for number in range(20):
        clone.write(f"{number}.txt", f"{number}" * 300_000)
    clone.commit("Much")
    clone.git("push", "-q")
    netloc = urlsplit(crowd.hub.endpoint).netloc
    body = f"0032want {clone.head}\n00000009done\n".encode()
    kind = {"Content-Type": "application/x-git-upload-pack-request"}
    for _ in range(3):
        made = http.client.HTTPConnection(netloc, timeout=30)
        made.request("POST", f"/{repo}/git-upload-pack", body=body, headers=kind)
        made.getresponse().read(10)
        made.close()
    crowd.machine().clone(repo, "copy").check()
    assert "request_failed" not in crowd.hub.said()


def test_a_repository_that_goes_while_it_is_pushed_to(crowd, clone, repo, recorded):
    with closing(connection(crowd, repo, len(recorded))) as open_one:
        open_one.send(recorded[:100])
        time.sleep(0.1)
        crowd.alice.delete(f"repos/{repo}").expect(204)
        open_one.send(recorded[100:])
        assert b"was deleted by its owner" in open_one.getresponse().read()
