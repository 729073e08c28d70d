"""The history of a repository and of its files, and the page of one commit."""

import pytest


@pytest.fixture
def filled(maren, publish, site):
    publish("maren/glass", notes_dot_txt=b"one\ntwo\n")
    return site.token_of("maren", "read", "write")


def head_of(caller) -> str:
    return caller.get("repos/maren/glass").expect(200).json()["revision"]


def test_history_goes_back_page_by_page(filled, person):
    for number in range(52):
        filled.commit("maren/glass", f"Change {number}\n\nBecause <b>.", {"n.txt": b"%d" % number})
    first = person.visit("/maren/glass/commits/main")
    assert "Change 51" in first.text
    assert "Change 0" not in first.text.split()
    assert "&lt;b&gt;" in first.html
    older = next(a for a in first.links if "after=" in a)
    second = person.visit(older)
    assert "Change 1" in second.text
    assert not [a for a in second.links if "after=" in a]
    oid = next(a for a in first.links if a.startswith("/maren/glass/tree/") and len(a) > 50)
    assert person.visit(oid).status == 200
    assert person.visit("/maren/glass/commits").address == "/maren/glass/commits/main"


def test_a_commit_shows_what_it_says_and_changed(filled, person):
    first = head_of(filled)
    filled.commit("maren/glass", "Say <more>\n\nBecause.", {"notes.txt": b"one\n<2>\n3\n"})
    last = head_of(filled)
    page = person.visit(f"/maren/glass/commit/{last}")
    for words in ("Say <more>", "Because.", "1 file, 2 lines more, 1 line less", last, first):
        assert words in page.text
    assert "&lt;2&gt;" in page.html
    assert "<2>" not in page.html
    assert f"/maren/glass/tree/{last}" in page.links
    # Any name of a revision, and the first one, before which there is nothing.
    assert person.visit("/maren/glass/commit/main").text == page.text
    assert "notes.txt added" in person.visit(f"/maren/glass/commit/{first}").text
    listed = person.visit("/maren/glass/commits/main").links
    told = [link for link in listed if link.startswith("/maren/glass/commit/")]
    assert told[:2] == [f"/maren/glass/commit/{last}", f"/maren/glass/commit/{first}"]
    assert "it is the first" in person.visit(told[-1]).text


def test_the_history_of_a_file_is_what_changed_it(filled, person):
    filled.commit("maren/glass", "Other words", {"a/other.txt": b"1"})
    filled.commit("maren/glass", "New notes", {"notes.txt": b"three"})
    filled.commit("maren/glass", "More other words", {"a/other.txt": b"2"})
    writer = {"message": "No notes", "operations": [{"op": "delete", "path": "notes.txt"}]}
    filled.post("repos/maren/glass/commits/main", json=writer).expect(201)

    def told(path: str) -> list[str]:
        text = person.visit(f"/maren/glass/commits/main/{path}").text
        kinds = ("added", "changed", "removed")
        return [word for word in text.split() if word in kinds]

    assert told("notes.txt") == ["removed", "changed", "added"]
    assert told("a/other.txt") == told("a") == ["changed", "added"]
    text = person.visit("/maren/glass/commits/main/notes.txt").text
    assert "New notes" in text
    assert "Other words" not in text
    page = person.visit("/maren/glass/blob/main/a/other.txt")
    assert "/maren/glass/commits/main/a/other.txt" in page.links


def test_files_behind_a_gate_keep_their_lines(filled, maren, person):
    filled.commit("maren/glass", "Secret words", {"notes.txt": b"a secret"})
    filled.patch("repos/maren/glass", json={"gated": "manual"}).expect(200)
    page = person.visit("/maren/glass/commit/main")
    assert page.status == 200
    assert "a secret" not in page.html
    assert "a secret" in maren.visit("/maren/glass/commit/main").html
