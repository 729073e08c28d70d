"""Answers that are kept for visitors, on both databases: quick, and never older than a commit."""

import gzip

import anyio.to_thread
import pytest

from lorahub_server.doors.middleware import cache
from support.asgi import InProcess, Site
from support.hf import counted

PAGES = (
    "/",
    "/alice",
    "/alice/one",
    "/alice/one/tree/main",
    "/tags",
    "/api/hub/v1/repos",
    "/api/hub/v1/repos/alice/one",
    "/api/models?limit=5",
    "/api/models/alice/one",
)


@pytest.fixture
def alice(each_site: Site, weights: bytes) -> InProcess:
    alice = each_site.add_account("alice")
    card = b"# One\n" + b"Words. " * 300
    alice.publish("alice/one", {"README.md": card, "a.safetensors": weights})
    return alice


@pytest.fixture
def visitor(each_site: Site) -> InProcess:
    return each_site.as_token(None)


def test_what_was_asked_before_costs_no_statement(each_site, alice, visitor) -> None:
    first = {page: visitor.get(page).expect(200) for page in PAGES}
    with counted(each_site) as said:
        again = {page: visitor.get(page).expect(200) for page in PAGES}
    assert said == []
    for page in PAGES:
        assert again[page].body == first[page].body
        assert again[page].headers["ETag"] == first[page].headers["ETag"]
        assert again[page].headers["Cache-Control"] == "no-cache"
        assert "Accept-Encoding" in ", ".join(again[page].headers.get_all("Vary"))


def test_every_commit_is_seen_at_once(alice, visitor, weights) -> None:
    for page in PAGES:
        visitor.get(page).expect(200)
    alice.publish("alice/two", {"a.safetensors": weights})
    for page in ("/", "/alice", "/api/hub/v1/repos", "/api/models?limit=5"):
        assert "two" in visitor.get(page).text
    alice.patch("repos/alice/one", json={"private": True}).expect(200)
    for page in PAGES:
        answer = visitor.get(page)
        assert "alice/one" not in answer.text or answer.status in (401, 404)
    assert visitor.get("/alice/one").status == 404


def test_another_process_is_noticed(each_site, alice, visitor) -> None:
    before = visitor.get("/alice").expect(200).text
    with each_site.hub.db.engine.connect() as elsewhere:
        elsewhere.exec_driver_sql("UPDATE accounts SET name = 'Alice' WHERE name = 'alice'")
        elsewhere.commit()
    assert visitor.get("/alice").expect(200).text != before


def test_what_was_made_while_somebody_committed_is_not_kept(
    each_site, alice, visitor, monkeypatch
) -> None:
    asked = cache.Answers.state
    calls = []

    def commit() -> None:
        with each_site.hub.db.write() as session:
            session.connection().exec_driver_sql("UPDATE accounts SET name = 'ALICE'")

    async def state(self):
        found = await asked(self)
        calls.append(found)
        if len(calls) == 1:
            await anyio.to_thread.run_sync(commit)
        return found

    monkeypatch.setattr(cache.Answers, "state", state)
    visitor.get("/alice").expect(200)
    with counted(each_site) as said:
        visitor.get("/alice").expect(200)
    assert said, "it was not kept"
    with counted(each_site) as said:
        visitor.get("/alice").expect(200)
    assert said == []


def test_a_kept_answer_says_what_a_new_one_says(alice, visitor) -> None:
    for page in (*PAGES, "/api/models?limit=2"):
        made, kept = visitor.get(page), visitor.get(page)
        assert kept.body == made.body
        told = [dict(one.headers.items()) for one in (made, kept)]
        assert len({one.pop("x-request-id") for one in told}) == 2
        assert told[0] == told[1], page


def test_who_has_it_is_told_so(alice, visitor) -> None:
    for page in PAGES:
        etag = visitor.get(page).headers["ETag"]
        answer = visitor.get(page, headers={"If-None-Match": f'"x", {etag}'})
        assert (answer.status, answer.body) == (304, b""), page
        assert answer.headers["ETag"] == etag
        assert visitor.get(page, headers={"If-None-Match": '"x"'}).status == 200


def test_it_is_packed_for_those_who_can_unpack(alice, visitor) -> None:
    plain = visitor.get("/alice/one")
    for _ in range(2):
        packed = visitor.get("/alice/one", headers={"Accept-Encoding": "br, gzip"})
        assert packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed.body) == plain.body
        assert len(packed.body) < len(plain.body) / 2


def test_nothing_is_kept_for_or_of_somebody(each_site, alice, visitor) -> None:
    person = each_site.signed_in("alice")
    own = person.get("/alice/one").expect(200)
    assert own.headers["Cache-Control"] == "private, no-store"
    assert "ETag" not in own.headers
    assert visitor.get("/alice/one").text != own.text
    assert person.get("/alice/one").text.count("Sign in") == 0
    alice.publish("alice/mine", {"README.md": b"# Mine\n"}, private=True)
    assert alice.get("/api/models/alice/mine").status == 200
    assert visitor.get("/api/models/alice/mine").status == 401
    assert alice.get("/api/models/alice/mine").status == 200


def test_pages_with_forms_and_files_are_made_each_time(each_site, alice, visitor) -> None:
    for page in ("/login", "/alice/one/resolve/main/README.md", "/api/hub/v1/repos/alice/one/refs"):
        visitor.get(page)
        with counted(each_site) as said:
            visitor.get(page)
        assert said or page == "/login", page
    first, second = (visitor.get("/login").headers["Set-Cookie"] for _ in range(2))
    assert first != second


def test_no_more_is_kept_than_there_is_room_for(each_site, alice, visitor, monkeypatch) -> None:
    kept_answers = each_site.app.answers
    monkeypatch.setattr(kept_answers, "_room", 200_000)
    for number in range(40):
        visitor.get(f"/?q={number}").expect(200)
    sizes = [kept.size for kept in kept_answers._kept.values()]
    assert sum(sizes) == kept_answers._used <= 200_000
    assert 1 < len(sizes) < 40
    with counted(each_site) as said:
        visitor.get("/?q=39").expect(200)
    assert said == []


def test_a_host_has_answers_of_its_own(alice, visitor) -> None:
    """The addresses in a page are those it was asked by."""
    page = visitor.get("/alice/one").text
    other = visitor.get("/alice/one", headers={"Host": "other.test"}).text
    assert "other.test" not in page
    assert page.replace("hub.test", "other.test") == other
