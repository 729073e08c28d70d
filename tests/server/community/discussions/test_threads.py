"""Threads: who may say and change what, and how much fits."""

import pytest

from lorahub_server.access.errors import NotAllowed
from lorahub_server.community.discussions import limits, service
from lorahub_server.community.discussions.errors import (
    BadText,
    CommentNotFound,
    ThreadFull,
    ThreadNotFound,
    TooManyThreads,
    WrongStatus,
)
from lorahub_server.kit.pagination import BadCursor
from lorahub_server.kit.ratelimit import RateLimited
from lorahub_server.repos.events import Event, listen


def first(talk, num):
    """The id of the comment that a thread began with."""
    return talk.look(None, lambda *a: service.events_of(a[0], service.get(*a))[0].id, num)


def said(talk, num, text="More", who="bob"):
    return talk.call(who, lambda *a: service.comment(*a).id, num, text)


def test_numbers_count_up_in_each_repository(each_talk):
    assert [each_talk.begin(), each_talk.begin(), each_talk.open({"x": b"1"})] == [1, 2, 3]
    each_talk.hub.make_repo("other")
    from lorahub_server.repos import service as repos

    with each_talk.hub.tx("bob") as tx:
        repo = repos.get_repo(tx, "alice", "other")
        assert service.create(tx, repo, "x", "y").num == 1


def test_what_a_comment_said_before_is_kept(each_talk):
    talk = each_talk
    num = talk.begin()
    comment = said(talk, num, "one")
    for text in ("two", "three", "three"):
        talk.call("bob", service.edit, num, comment, text)

    def look(tx, repo):
        events = service.events_of(tx, service.get(tx, repo, num))
        old = service.versions_of(tx, events).get(comment, [])
        return events[1].text, events[1].edits, [version.text for version in old]

    assert talk.look(None, look) == ("three", 2, ["one", "two"])
    talk.call("alice", service.hide, num, comment)
    assert talk.look(None, look)[2] == []
    with pytest.raises(WrongStatus):
        talk.call("bob", service.edit, num, comment, "four")


def test_who_may_do_what(talk):
    num = talk.begin("bob")
    comment = said(talk, num, who="carol")
    for who in ("bob", "alice"):
        with pytest.raises(NotAllowed, match="Only who wrote"):
            talk.call(who, service.edit, num, comment, "Mine")
    with pytest.raises(NotAllowed):
        talk.call("bob", service.hide, num, comment)
    for act in (
        lambda *a: service.rename(*a, "x"),
        lambda *a: service.set_status(*a, "closed"),
    ):
        with pytest.raises(NotAllowed, match="Only who opened"):
            talk.call("carol", act, num)
    talk.call("alice", service.hide, num, comment)
    talk.call("alice", service.rename, num, "Better")
    talk.call("bob", service.set_status, num, "closed", "Done")
    # In a closed one people may still talk.
    said(talk, num, who="carol")
    assert talk.events(num)[-3:] == [
        ("comment", "bob", "Done"),
        ("status-change", "bob", {"status": "closed"}),
        ("comment", "carol", "More"),
    ]


def test_what_is_no_title_and_no_comment(talk):
    for title in ("", "  ", "x" * 201, "a\x00", "a\x07b", "\ud800"):
        with pytest.raises(BadText) as error:
            talk.begin(title=title)
        assert error.value.place == "title"
    for text in ("", " \n", "x" * (limits.COMMENT_MAX + 1), "é" * limits.COMMENT_MAX, "\x00"):
        with pytest.raises(BadText) as error:
            talk.begin(text=text)
        assert error.value.place == "text"
    assert talk.begin(title=" a \n b ", text=" a\r\nb ") == 1
    assert talk.events(1)[0][2] == "a\nb"


def test_what_is_not_there(talk):
    num = talk.begin()
    for wrong in (0, -1, 99, 2**31, 2**80):
        with pytest.raises(ThreadNotFound):
            talk.call("bob", service.comment, wrong, "x")
    title = talk.call("bob", lambda *a: service.rename(*a, "x").id, num)
    other = talk.begin()
    for thread, comment in ((num, title), (other, first(talk, num)), (num, 10**9)):
        with pytest.raises(CommentNotFound):
            talk.call("bob", service.hide, thread, comment)


def test_a_thread_holds_so_much(talk, monkeypatch):
    num = talk.begin(text="x" * 100)
    monkeypatch.setattr("lorahub_server.community.discussions.log.TEXT_MAX", 250)
    comment = said(talk, num, "y" * 100)
    with pytest.raises(ThreadFull):
        said(talk, num, "z" * 100)
    talk.call("bob", service.hide, num, comment)
    said(talk, num, "z" * 100)
    monkeypatch.setattr("lorahub_server.community.discussions.log.EVENTS_MAX", 3)
    with pytest.raises(ThreadFull):
        said(talk, num, "z")
    with pytest.raises(ThreadFull):
        talk.call("bob", service.rename, num, "x")
    # But it can always be closed.
    talk.call("bob", service.set_status, num, "closed")


def test_a_full_pull_request_takes_commits(talk, monkeypatch):
    num = talk.open({"x": b"1"})
    monkeypatch.setattr("lorahub_server.community.discussions.log.EVENTS_MAX", 2)
    talk.add(num, {"x": b"2"})
    talk.merge(num)
    assert talk.read("x") == b"2"
    assert [kind for kind, *_ in talk.events(num)] == ["comment", "commit", "status-change"]


def test_how_many_one_account_begins(talk, monkeypatch):
    monkeypatch.setattr("lorahub_server.community.discussions.service.OPEN_MAX", 2)
    talk.begin()
    num = talk.begin()
    with pytest.raises(TooManyThreads):
        talk.begin()
    with pytest.raises(TooManyThreads):
        talk.open({"x": b"1"})
    talk.begin("carol")
    for _ in range(3):
        talk.begin("alice")
    talk.call("bob", service.set_status, num, "closed")
    talk.begin()
    monkeypatch.setattr("lorahub_server.community.discussions.log.THREADS_A_WINDOW", 3)
    with pytest.raises(RateLimited) as error:
        talk.begin("alice")
    assert 3500 < error.value.retry_after <= 3600


def test_pages(each_talk):
    talk = each_talk
    for number in range(5):
        talk.begin(title=f"T{number}")

    def page(tx, repo, cursor, **wish):
        found = service.page_threads(tx, repo, service.Wish(**wish), cursor, 2)
        return [thread.num for thread in found.items], found.next_cursor

    seen, cursor = [], None
    while True:
        nums, cursor = talk.look(None, page, cursor)
        seen.append(nums)
        if cursor is None:
            break
    assert seen == [[5, 4], [3, 2], [1]]
    for wrong in ("x", "W10"):
        with pytest.raises(BadCursor):
            talk.look(None, page, wrong)

    def events(tx, repo, cursor):
        found = service.page_events(tx, service.get(tx, repo, 1), cursor, 2)
        return [event.text for event in found.items], found.next_cursor

    for text in ("a", "b"):
        said(talk, 1, text)
    texts, cursor = talk.look(None, events, None)
    assert texts == ["What is it?", "a"]
    assert talk.look(None, events, cursor) == (["b"], None)


class Listener:
    def __init__(self):
        self.heard = []

    def wants(self, tx, repo):
        return True

    def note(self, tx, event: Event):
        self.heard.append(event)


@pytest.fixture
def listener(monkeypatch):
    monkeypatch.setattr("lorahub_server.repos.events._listeners", [])
    found = Listener()
    listen(found)
    return found


def test_listeners_hear_of_everything(talk, listener):
    num = talk.begin(text="Hello")
    comment = said(talk, num)
    talk.call("bob", service.edit, num, comment, "Other")
    talk.call("bob", service.hide, num, comment)
    talk.call("bob", service.set_status, num, "closed")
    pull = talk.open({"x": b"1"})
    talk.merge(pull)
    heard = [(one.scope, one.action) for one in listener.heard]
    assert heard == [
        ("discussion", "create"),
        ("discussion.comment", "create"),
        ("discussion.comment", "update"),
        ("discussion.comment", "update"),
        ("discussion", "update"),
        ("discussion", "create"),
        ("repo.content", "update"),
        ("repo.content", "update"),
        ("discussion", "update"),
    ]
    facts = listener.heard[0].facts
    assert facts["comment"]["content"] == "Hello"
    assert facts["discussion"]["num"] == num
    hidden = listener.heard[3].facts["comment"]
    assert (hidden["hidden"], hidden["content"]) == (True, "")
    assert [one.ref for one in listener.heard[6].refs] == [f"refs/pr/{pull}"]
    merged = listener.heard[-1].facts["discussion"]
    assert merged["changes"]["base"] == "refs/heads/main"
    assert merged["changes"]["mergeCommitId"] == talk.head()
