"""What git asks first, and who gets an answer."""

import pytest

from support import packs

FETCH, PUSH = "git-upload-pack", "git-receive-pack"


def ask(caller, service=FETCH, repo="alice/style", **more):
    return caller.get(f"/{repo}/info/refs", query={"service": service}, **more)


def told(answer):
    """The lines, without lengths; None between sections."""
    lines, body = [], answer.body
    while body:
        size = int(body[:4], 16)
        lines.append(body[4:size] if size else None)
        body = body[max(size, 4) :]
    return lines


def test_what_is_advertised(alice, head):
    alice.post("repos/alice/style/tags", json={"name": "v1", "revision": head, "message": "One"})
    alice.post("repos/alice/style/branches", json={"name": "a-b", "revision": head})
    answer = ask(alice).expect(200)
    assert answer.headers["content-type"] == "application/x-git-upload-pack-advertisement"
    assert answer.headers["cache-control"] == "no-cache"
    begin, flush, first, *others, end = told(answer)
    assert (begin, flush, end) == (b"# service=git-upload-pack\n", None, None)
    line, _, capabilities = first.partition(b"\0")
    assert line == f"{head} HEAD".encode()
    assert b"symref=HEAD:refs/heads/main" in capabilities.split()
    assert {b"shallow", b"thin-pack", b"object-format=sha1"} <= set(capabilities.split())
    names = [other.split()[1].decode() for other in others]
    assert names == ["refs/heads/a-b", "refs/heads/main", "refs/tags/v1", "refs/tags/v1^{}"]
    assert others[-1].split()[0].decode() == head
    assert others[-2].split()[0].decode() != head
    begin, _, first, *others, _ = told(ask(alice, PUSH).expect(200))
    assert first.startswith(f"{head} refs/heads/a-b\0".encode())
    assert b"report-status" in first
    assert len(others) == 2


def test_an_empty_repository(alice):
    alice.post("repos", json={"name": "empty"}).expect(201)
    for service in (FETCH, PUSH):
        _, _, line, end = told(ask(alice, service, "alice/empty").expect(200))
        assert line.startswith(packs.ZERO.encode() + b" capabilities^{}\0")
        assert b"symref" not in line
        assert end is None


@pytest.mark.parametrize(
    "repo", ["alice/style", "alice/style.git", "ALICE/Style", "alice/STYLE.git"]
)
def test_ways_to_write_the_name(alice, repo):
    ask(alice, repo=repo).expect(200)


@pytest.mark.parametrize("service", ["", "git-upload-archive", "x\0"])
def test_other_services(alice, service):
    answer = ask(alice, service)
    assert answer.status in {400, 403}
    assert answer.headers["content-type"].startswith("text/plain")


class TestWho:
    def test_reading_what_is_public(self, site, alice, anonymous):
        ask(anonymous).expect(200)
        ask(site.token_of("alice", "read")).expect(200)

    def test_git_sends_a_token_after_it_was_asked_for_one(self, alice, anonymous):
        for service, repo in ((PUSH, "alice/style"), (FETCH, "alice/none"), (PUSH, "alice/none")):
            answer = ask(anonymous, service, repo).expect(401)
            assert answer.headers["www-authenticate"] == 'Basic realm="lorahub"'
            assert answer.headers["content-type"].startswith("text/plain")
        answer = ask(anonymous.site.as_token("lh_wrong")).expect(401)
        assert answer.headers["www-authenticate"].startswith("Basic")
        assert "token is not valid" in answer.text

    def test_private_looks_like_missing(self, alice, bob, anonymous):
        alice.patch("repos/alice/style", json={"private": True}).expect(200)
        for caller, status in ((bob, 404), (anonymous, 401)):
            for service in (FETCH, PUSH):
                one, other = (ask(caller, service, repo) for repo in ("alice/style", "alice/none"))
                assert (one.status, one.body) == (other.status, other.body)
                assert one.status == status
                hidden = {"x-request-id"}
                headers = [
                    {k: v for k, v in answer.headers.items() if k not in hidden}
                    for answer in (one, other)
                ]
                assert headers[0] == headers[1]
            for service in (FETCH, PUSH):
                kind = {"Content-Type": f"application/x-{service}-request"}
                caller.post(f"/alice/style/{service}", body=b"0000", headers=kind).expect(status)
        ask(alice).expect(200)

    def test_pushing_needs_the_scope(self, site, alice, bob):
        """Whoever reads may open a pull request; what else they push is told apart later."""
        ask(bob, PUSH).expect(200)
        for who in ("alice", "bob"):
            reader = site.token_of(who, "read")
            assert "lacks the scope write" in ask(reader, PUSH).expect(403).text
        ask(site.token_of("alice", "read", "write"), PUSH).expect(200)

    def test_renamed_and_deleted(self, alice, anonymous):
        alice.patch("repos/alice/style", json={"name": "other"}).expect(200)
        answer = ask(anonymous, repo="alice/style.git").expect(307)
        assert answer.headers["location"] == "/alice/other.git/info/refs?service=git-upload-pack"
        alice.delete("repos/alice/other").expect(204)
        assert "deleted by its owner" in ask(alice, repo="alice/other").expect(410).text

    def test_a_page_can_not_push_for_somebody(self, site, alice):
        """Another site's form, in the browser of one who is signed in."""
        browser = site.signed_in("alice")
        kind = {"Content-Type": "application/x-git-receive-pack-request"}
        bad = {**kind, "Origin": "http://evil.test", "Sec-Fetch-Site": "cross-site"}
        browser.post("/alice/style/git-receive-pack", body=b"0000", headers=bad).expect(403)
        for form in ("text/plain", "application/x-www-form-urlencoded", ""):
            browser.post(
                "/alice/style/git-receive-pack", body=b"0000", headers={"Content-Type": form}
            ).expect(415)
