"""Discussions and pull requests as Hugging Face's clients ask for them."""

from base64 import b64encode

import pytest

from lorahub_server.community.discussions import limits
from support import hf
from support.inside import adapter


@pytest.fixture
def bob(site):
    return site.add_account("bob")


@pytest.fixture
def repo(alice):
    hf.create(alice, "pulled").expect(200)
    hf.commit(alice, "alice/pulled", hf.add("a.txt", b"one\n")).expect(200)
    return "alice/pulled"


def place(repo, *rest):
    return hf.model(repo, "discussions", *(str(part) for part in rest))


def begin(who, repo, title="Question", **more):
    body = {"title": title, "description": "What?", "pullRequest": False, **more}
    return who.post(place(repo), json=body).expect(200).json()["num"]


def pull(who, repo, *lines, **more):
    answer = hf.commit(who, repo, *lines, query={"create_pr": "1"}, **more).expect(200).json()
    return int(answer["pullRequestUrl"].rpartition("/")[2])


def test_a_discussion_from_begin_to_end(repo, alice, bob, anonymous):
    num = begin(bob, repo)
    shown = anonymous.get(place(repo, num), query={"diff": "1"}).expect(200).json()
    assert (shown["num"], shown["title"], shown["status"]) == (1, "Question", "open")
    assert (shown["isPullRequest"], shown["author"]["name"]) == (False, "bob")
    assert shown["repo"] == {"name": repo, "type": "model"}
    (event,) = shown["events"]
    assert (event["type"], event["data"]["latest"]["raw"]) == ("comment", "What?")
    assert event["data"]["latest"]["html"] == "<p>What?</p>\n"
    assert (event["data"]["edited"], event["data"]["hidden"], event["data"]["history"]) == (
        False, False, [],
    )  # fmt: skip
    made = alice.post(place(repo, num, "comment"), json={"comment": "*This*"}).expect(200).json()
    comment = made["newMessage"]
    assert comment["data"]["latest"]["html"] == "<p><em>This</em></p>\n"
    edit = place(repo, num, "comment", comment["id"], "edit")
    bob.post(edit, json={"content": "That"}).expect(403)
    edited = alice.post(edit, json={"content": "That"}).expect(200).json()["updatedComment"]
    assert (edited["data"]["edited"], edited["data"]["latest"]["raw"]) == (True, "That")
    assert [old["raw"] for old in edited["data"]["history"]] == ["*This*"]
    title = bob.post(place(repo, num, "title"), json={"title": "New"}).expect(200).json()
    assert title["newTitle"]["data"] == {"from": "Question", "to": "New"}
    body = {"status": "closed", "comment": "Done"}
    closed = bob.post(place(repo, num, "status"), json=body).expect(200).json()
    assert closed["newStatus"]["data"] == {"status": "closed"}
    alice.post(place(repo, num, "status"), json={"status": "closed"}).expect(409)
    hide = place(repo, num, "comment", comment["id"].upper(), "hide")
    bob.post(hide).expect(403)
    hidden = alice.post(hide).expect(200).json()["updatedComment"]
    assert hidden["data"]["hidden"]
    shown = anonymous.get(place(repo, num)).json()
    assert [event["type"] for event in shown["events"]] == [
        "comment", "comment", "title-change", "comment", "status-change",
    ]  # fmt: skip
    assert "That" not in str(shown)
    assert "*This*" not in str(shown)
    assert "changes" not in shown


def test_lists(repo, alice, bob):
    for number in range(3):
        begin(bob, repo, f"B{number}")
    begin(alice, repo, "A", pullRequest=True)
    bob.post(place(repo, 1, "status"), json={"status": "closed"}).expect(200)

    def nums(**query):
        found = bob.get(place(repo), query=query).expect(200).json()
        assert found["count"] == len(found["discussions"])
        return [one["num"] for one in found["discussions"]]

    assert nums() == [4, 3, 2, 1]
    assert nums(type="pull_request") == [4]
    assert nums(type="discussion", status="open") == [3, 2]
    assert nums(status="closed") == [1]
    assert nums(status="open") == [4, 3, 2]
    assert nums(author="Alice") == [4]
    assert nums(author="nobody") == []
    bob.get(place(repo), query={"status": "odd"}).expect(422)
    bob.get(place(repo), query={"p": "-1"}).expect(422)
    far = bob.get(place(repo), query={"p": "7"}).expect(200).json()
    assert (far["discussions"], far["start"]) == ([], far["count"])


def test_long_lists_come_in_pages(repo, bob, monkeypatch):
    monkeypatch.setattr("lorahub_server.doors.hf.discussions._PAGE", 2)
    for number in range(5):
        begin(bob, repo, f"B{number}")
    pages = [bob.get(place(repo), query={"p": str(p)}).json() for p in range(3)]
    assert [[one["num"] for one in page["discussions"]] for page in pages] == [[5, 4], [3, 2], [1]]
    assert [(page["start"], page["count"]) for page in pages] == [(0, 5), (2, 5), (4, 5)]


def test_a_reader_opens_a_pull_request_with_a_commit(repo, alice, bob, anonymous):
    made = hf.commit(
        bob, repo, hf.add("a.txt", b"two\n"), query={"create_pr": "1"}, summary="Say two"
    )
    answer = made.expect(200).json()
    assert answer["pullRequestUrl"] == f"http://hub.test/{repo}/discussions/1"
    assert answer["commitUrl"] == f"http://hub.test/{repo}/commit/{answer['commitOid']}"
    shown = anonymous.get(place(repo, 1)).expect(200).json()
    assert (shown["status"], shown["title"]) == ("open", "Say two")
    assert shown["changes"] == {"base": "refs/heads/main"}
    assert shown["filesWithConflicts"] == []
    assert "-one\n+two\n" in shown["diff"]
    assert shown["events"][1]["data"] == {"subject": "Say two", "oid": answer["commitOid"]}
    more = hf.commit(bob, repo, hf.add("b.txt", b"b"), branch="refs%2Fpr%2F1").expect(200).json()
    assert "pullRequestUrl" not in more
    for revision in ("refs%2Fpr%2F1", more["commitOid"]):
        info = anonymous.get(hf.model(repo, "revision", revision)).expect(200).json()
        assert info["sha"] == more["commitOid"]
        tree = anonymous.get(hf.model(repo, "tree", revision)).expect(200).json()
        assert [one["path"] for one in tree] == [".gitattributes", "a.txt", "b.txt"]
        anonymous.get(f"/{repo}/resolve/{revision}/b.txt").expect(200)
        commits = anonymous.get(hf.model(repo, "commits", revision)).expect(200).json()
        assert [one["title"] for one in commits][:2] == ["change", "Say two"]
    refs = anonymous.get(hf.model(repo, "refs"), query={"include_prs": "1"}).expect(200).json()
    assert refs["pullRequests"] == [
        {"name": "1", "ref": "refs/pr/1", "targetCommit": more["commitOid"]}
    ]
    assert [ref["name"] for ref in refs["branches"]] == ["main"]
    assert anonymous.get(hf.model(repo)).json()["sha"] != more["commitOid"]
    bob.post(place(repo, 1, "merge")).expect(403)
    merged = alice.post(place(repo, 1, "merge"), json={"comment": "Fine"}).expect(200).json()
    assert merged["status"] == "merged"
    shown = anonymous.get(place(repo, 1)).json()
    head = anonymous.get(hf.model(repo)).json()["sha"]
    assert shown["changes"] == {"base": "refs/heads/main", "mergeCommitId": head}
    assert "+two" in shown["diff"]
    assert anonymous.get(f"/{repo}/resolve/main/a.txt").body == b"two\n"
    alice.post(place(repo, 1, "merge")).expect(409)


def test_only_for_a_pull_request_may_a_reader_send_files(repo, alice, bob):
    """Preupload, LFS, Xet and the commit agree."""
    weights = adapter(5)
    sample = b64encode(weights[:512]).decode()
    files = {"files": [{"path": "w.safetensors", "size": len(weights), "sample": sample}]}

    def statuses(who, revision, **query):
        sent = {"query": query} if query else {}
        name = "None" if query else revision
        ref = {} if query else {"ref": {"name": revision.replace("%2F", "/")}}
        body = {"operation": "upload", "objects": [], **ref}
        return [
            who.post(hf.model(repo, "preupload", revision), json=files, **sent).status,
            who.post(f"/{repo}.git/info/lfs/objects/batch", json=body).status,
            who.get(hf.model(repo, "xet-write-token", name), **sent).status,
            hf.commit(who, repo, hf.add("x", b"1"), branch=revision, **sent).status,
        ]

    assert statuses(bob, "main") == [403] * 4
    assert statuses(bob, "main", create_pr="1") == [200] * 4
    assert statuses(bob, "refs%2Fpr%2F1") == [200] * 4
    carol = bob.site.add_account("carol")
    assert statuses(carol, "refs%2Fpr%2F1") == [403] * 4
    assert statuses(alice, "refs%2Fpr%2F1") == [200] * 4
    assert statuses(bob, "refs%2Fpr%2F9") == [404] * 4
    reader = bob.site.token_of("bob", "read")
    assert statuses(reader, "main", create_pr="1") == [403] * 4
    bob.post(place(repo, 1, "status"), json={"status": "closed"}).expect(200)
    assert statuses(bob, "refs%2Fpr%2F1") == [409] * 4
    nobody = bob.site.as_token(None)
    assert statuses(nobody, "main", create_pr="1") == [401] * 4


def test_large_files_of_a_pull_request(repo, alice, bob, anonymous):
    weights = adapter(6)
    oid = hf.send(bob, repo, weights)
    num = pull(bob, repo, hf.large("w.safetensors", oid, size=len(weights)))
    found = anonymous.get(f"/{repo}/resolve/refs%2Fpr%2F{num}/w.safetensors").expect(200)
    assert found.body == weights
    assert "safetensors" not in anonymous.get(hf.model(repo)).json()
    diff = anonymous.get(place(repo, num)).json()["diff"]
    assert f"+oid sha256:{oid}\n" in diff
    alice.post(place(repo, num, "merge")).expect(200)
    assert "w.safetensors" in [
        file["rfilename"] for file in anonymous.get(hf.model(repo)).json()["siblings"]
    ]


def test_a_draft_is_published_by_its_author(repo, alice, bob):
    num = begin(bob, repo, pullRequest=True)
    shown = bob.get(place(repo, num)).json()
    assert (shown["status"], shown["diff"], len(shown["events"])) == ("draft", "", 1)
    alice.post(place(repo, num, "merge")).expect(409)
    hf.commit(bob, repo, hf.add("b", b"b"), branch=f"refs%2Fpr%2F{num}").expect(200)
    bob.post(place(repo, num, "status"), json={"status": "open"}).expect(200)
    alice.post(place(repo, num, "merge"), json={}).expect(200)


def test_conflicts_are_listed(repo, alice, bob):
    num = pull(bob, repo, hf.add("a.txt", b"bob\n"))
    hf.commit(alice, repo, hf.add("a.txt", b"alice\n")).expect(200)
    assert bob.get(place(repo, num)).json()["filesWithConflicts"] == ["a.txt"]
    answer = alice.post(place(repo, num, "merge")).expect(409)
    assert "a.txt" in answer.headers["X-Error-Message"]


def test_the_history_of_a_pull_request_is_squashed(repo, alice, bob):
    num = pull(bob, repo, hf.add("a.txt", b"two\n"))
    hf.commit(bob, repo, hf.add("a.txt", b"three\n"), branch=f"refs%2Fpr%2F{num}").expect(200)
    squash = hf.model(repo, "super-squash", f"refs%2Fpr%2F{num}")
    bob.post(hf.model(repo, "super-squash", "main"), json={}).expect(403)
    bob.post(squash, json={"message": "One"}).expect(200)
    commits = bob.get(hf.model(repo, "commits", f"refs%2Fpr%2F{num}")).json()
    assert [one["title"] for one in commits] == ["One"]
    assert "-one\n+three\n" in bob.get(place(repo, num)).json()["diff"]
    alice.post(place(repo, num, "merge")).expect(200)


def test_a_deleted_author_is_left_out(repo, bob, anonymous):
    from lorahub_server.accounts.service import get_account
    from lorahub_server.kit.clock import now

    begin(bob, repo)
    with bob.site.hub.db.write() as session:
        get_account(session, "bob").deleted_at = now()
    shown = anonymous.get(place(repo, 1)).expect(200).json()
    assert "author" not in shown
    assert "author" not in shown["events"][0]
    assert "author" not in shown["events"][0]["data"]["latest"]
    assert "author" not in anonymous.get(place(repo)).json()["discussions"][0]


def test_what_cannot_be(repo, alice, bob):
    num = begin(bob, repo)
    for body in ({"title": " "}, {"title": "x" * 201}, {"title": "a\u0007"}):
        bob.post(place(repo), json={"description": "x", **body}).expect(422)
        bob.post(place(repo, num, "title"), json=body).expect(422)
    for text in (" ", "x" * (limits.COMMENT_MAX + 1), "a\u0000", "\ud800"):
        bob.post(place(repo, num, "comment"), json={"comment": text}).expect(422)
    bob.get(place(repo, 99)).expect(404)
    bob.get(place(repo, "x")).expect(422)
    for comment in ("0", "zz", "f" * 24, "f" * 99):
        bob.post(place(repo, num, "comment", comment, "hide")).expect(404)
    bob.post(place(repo, num, "status"), json={"status": "merged"}).expect(422)
    alice.post(place(repo, num, "merge")).expect(409)
    answer = bob.post("/uploads", body=b"x", headers={"Content-Type": "image/png"}).expect(501)
    assert "keeps no pictures" in answer.headers["X-Error-Message"]
    hf.commit(bob, repo, query={"create_pr": "1"}).expect(422)
    hf.commit(bob, repo, hf.add("x", b"1"), branch="missing", query={"create_pr": "1"}).expect(404)


def test_comments_of_another_thread_are_out_of_reach(repo, alice, bob):
    """Neither by the number of another thread nor by that of another repository."""
    num = begin(bob, repo)
    comment = bob.get(place(repo, num)).json()["events"][0]["id"]
    other = begin(bob, repo)
    hf.create(bob, "own").expect(200)
    own = begin(bob, "bob/own")
    for where in (place(repo, other), place("bob/own", own)):
        bob.post(f"{where}/comment/{comment}/hide").expect(404)


def test_too_many(repo, bob, monkeypatch):
    monkeypatch.setattr("lorahub_server.community.discussions.log.THREADS_A_WINDOW", 2)
    begin(bob, repo)
    begin(bob, repo)
    answer = bob.post(place(repo), json={"title": "x", "description": "x"}).expect(429)
    assert 0 < int(answer.headers["Retry-After"]) <= 3600
    hf.commit(bob, repo, hf.add("x", b"1"), query={"create_pr": "1"}).expect(429)
    monkeypatch.setattr("lorahub_server.community.discussions.log.EVENTS_A_WINDOW", 3)
    bob.post(place(repo, 1, "comment"), json={"comment": "x"}).expect(200)
    bob.post(place(repo, 1, "comment"), json={"comment": "x"}).expect(429)


def test_markdown_of_comments_runs_nothing(repo, bob):
    num = begin(bob, repo, description="<script>alert(1)</script> [x](javascript:alert(1))")
    html = bob.get(place(repo, num)).json()["events"][0]["data"]["latest"]["html"]
    assert "<script" not in html
    assert 'href="javascript' not in html
