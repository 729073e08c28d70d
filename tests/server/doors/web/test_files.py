import pytest

SCRIPT = b"#!/bin/sh\n<script>alert(1)</script>\n\nlast line"


@pytest.fixture
def filled(maren, publish, site):
    publish(
        "maren/glass",
        run_dot_sh=SCRIPT,
        samples__noon_dot_png=b"\x89PNG\r\n\x1a\n" + b"0" * 50,
        odd_dot_bin_dot_txt=b"\0\1\2",
        latin_dot_txt="Käse".encode("latin-1"),
    )
    return site.token_of("maren", "read", "write")


def test_folders_come_first_and_lead_on(filled, person):
    page = person.visit("/maren/glass/tree/main")
    rows = [
        a
        for a in page.links
        if a.startswith(("/maren/glass/tree/main/", "/maren/glass/blob/main/"))
    ]
    assert rows[0] == "/maren/glass/tree/main/samples"
    assert "/maren/glass/blob/main/glass.safetensors" in rows
    assert "/maren/glass/resolve/main/run.sh?download=1" in page.links
    page = person.visit("/maren/glass/tree/main/samples")
    assert "/maren/glass/blob/main/samples/noon.png" in page.links
    assert "/maren/glass/tree/main" in page.links
    assert person.visit("/maren/glass/tree").address == "/maren/glass/tree/main"
    # A file asked for as a folder, and the other way round.
    assert person.visit("/maren/glass/tree/main/run.sh").address == "/maren/glass/blob/main/run.sh"
    assert (
        person.visit("/maren/glass/blob/main/samples").address == "/maren/glass/tree/main/samples"
    )


def test_text_is_shown_line_by_line_and_never_run(filled, person):
    page = person.visit("/maren/glass/blob/main/run.sh")
    assert '<li id="L1">#!/bin/sh</li>' in page.html
    assert '<li id="L2">&lt;script&gt;alert(1)&lt;/script&gt;</li>' in page.html
    assert '<li id="L4">last line</li>' in page.html
    assert "<script>alert" not in page.html


def test_other_files_are_shown_as_what_they_are(filled, person):
    page = person.visit("/maren/glass/blob/main/samples/noon.png")
    assert "/maren/glass/resolve/main/samples/noon.png" in page.images
    page = person.visit("/maren/glass/blob/main/glass.safetensors")
    assert "Rank" in page.text
    assert "SHA-256" in page.text
    for name in ("odd.bin.txt", "latin.txt"):
        page = person.visit(f"/maren/glass/blob/main/{name}")
        assert "is no text" in page.text


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


def test_branches_with_slashes_and_odd_file_names(filled, person):
    head = filled.get("repos/maren/glass").json()["revision"]
    filled.post("repos/maren/glass/branches", json={"name": "feature/x", "revision": head}).expect(
        201
    )
    filled.put("repos/maren/glass/raw/feature%2Fx/a%20b%25/c%23.txt", body=b"odd").expect(201)
    page = person.visit("/maren/glass/tree/main")
    assert "/maren/glass/tree/feature%2Fx" in page.links
    page = person.visit("/maren/glass/tree/feature%2Fx/a%20b%25")
    there = "/maren/glass/blob/feature%2Fx/a%20b%25/c%23.txt"
    assert there in page.links
    page = person.visit(there)
    assert "odd" in page.text
    raw = next(a for a in page.links if "/resolve/" in a)
    assert person.ask("GET", raw).body == b"odd"


@pytest.mark.parametrize(
    "address",
    [
        "/tree/nowhere",
        "/tree/main/nothing",
        "/blob/main/nothing.txt",
        "/blob/main/run.sh/x",
        "/commits/nowhere",
        "/commits/main?after=" + "0" * 40,
        "/commits/main?after=%00",
        "/blob/main/..%2F..%2Fetc",
        "/tree/main/%ff",
        "/tree/main/a//b",
        "/nonsense",
        "/tree/main%00",
    ],
)
def test_what_is_not_there_is_no_fault_of_ours(filled, person, address):
    page = person.visit(f"/maren/glass{address}")
    assert page.status in (400, 404)
    assert "/" in page.links


def test_downloads_are_whole(filled, person, weights):
    page = person.visit("/maren/glass")
    answer = person.ask("GET", next(a for a in page.links if "download=1" in a))
    assert answer.body == weights
    assert "attachment" in answer.headers["content-disposition"]
