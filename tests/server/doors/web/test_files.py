import numpy as np
import pytest
from safetensors.numpy import save

from support.inside import sha256
from support.running import run_jobs

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
    assert "SHA256" in page.text
    for name in ("odd.bin.txt", "latin.txt"):
        page = person.visit(f"/maren/glass/blob/main/{name}")
        assert "is no text" in page.text


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
        "/commits/main/nothing.txt",
        "/commits/main/run.sh/x",
        "/commits/main/run.sh?after=" + "0" * 40,
        "/commits/main/a//b",
        "/commit/nowhere",
        "/commit/" + "0" * 40,
        "/commit/main%00",
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


def test_the_page_of_weights_shows_hashes_and_tensors(filled, person, site, weights):
    there = "/maren/glass/blob/main/glass.safetensors"
    text = person.visit(there).text
    known = sha256(weights)
    assert f"SHA256 {known}" in text
    assert f"AutoV2 {known[:10]}" in text
    assert "BLAKE3" not in text
    assert "layers.0.self_attn.q_proj.lora_A.weight F32 2 \N{MULTIPLICATION SIGN} 8 16 64 B" in text
    run_jobs(site.hub.db, site.hub.store)
    assert "BLAKE3" in person.visit(there).text
    assert "2 tensors" not in person.visit("/maren/glass/blob/main/README.md").text


def test_tensors_come_in_pages_and_are_found_by_name(filled, person):
    names = [f"model.layers.{n}.q_proj.lora_{side}.weight" for n in range(115) for side in "AB"]
    data = save({name: np.zeros((2, 2), "f4") for name in names})
    filled.publish("maren/glass", {"many.safetensors": data})
    there = "/maren/glass/blob/main/many.safetensors"
    shown: list[str] = []
    address: str | None = there
    while address:
        page = person.visit(address.partition("#")[0])
        shown += [word for word in page.text.split() if word.startswith("model.layers.")]
        following = f"{there}?start={len(shown)}#tensors"
        address = following if following in page.links else None
    assert sorted(shown) == sorted(names)
    page = person.visit(f"{there}?tensors=layers.7+lora_b")
    assert "11 whose name holds “layers.7 lora_b”" in page.text
    assert "No name holds “&lt;b&gt;”" in person.visit(f"{there}?tensors=%3Cb%3E").html
    assert "1 to 50 of 230" in person.visit(f"{there}?start=9999").text
    for query in ("start=-1", "start=x", "start=99999999", "tensors=" + "x" * 201):
        assert person.ask("GET", f"{there}?{query}").status == 422, query


def test_tensors_wait_for_access_as_the_file_does(filled, maren, person):
    filled.patch("repos/maren/glass", json={"gated": "manual"}).expect(200)
    there = "/maren/glass/blob/main/glass.safetensors"
    assert "lora_A.weight" not in person.visit(there).text
    assert "lora_A.weight" in maren.visit(there).text
