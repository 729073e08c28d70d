"""Addresses are split on the raw path, decoded once, and refused when they try to be clever."""

from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lorahub_server.doors.paths import RAW_MAX, AddressTooLong, BadAddress, restored, routing_path


@pytest.mark.parametrize(
    ("raw", "pieces"),
    [
        (b"/", [""]),
        (b"", [""]),
        (b"/alice/x", ["alice", "x"]),
        (b"/alice/x/", ["alice", "x"]),
        (b"/a/tree/feature%2Fx/sub/f.txt", ["a", "tree", "feature/x", "sub", "f.txt"]),
        (b"/a/feature%2fx", ["a", "feature/x"]),
        (b"/a/one%20two%2520three", ["a", "one two%20three"]),
        (b"/a/%E6%97%A5%E6%9C%AC.txt", ["a", "日本.txt"]),
        (b"/a/100%25.txt", ["a", "100%.txt"]),
        (b"/a/a+b&c=d;e", ["a", "a+b&c=d;e"]),
        (b"/a/..b", ["a", "..b"]),
        (b"/a/%3Fq%23f", ["a", "?q#f"]),
    ],
)
def test_pieces_are_what_was_meant(raw, pieces):
    assert [restored(piece) for piece in routing_path(raw)[1:].split("/")] == pieces


@pytest.mark.parametrize(
    "raw",
    [
        b"alice/x",
        b"//",
        b"/alice//x",
        b"/alice/./x",
        b"/alice/../x",
        b"/alice/%2e%2e/x",
        b"/alice/%2E./x",
        b"/alice/a%2f..%2fb",
        b"/alice/%2Fetc",
        b"/alice/a%2F",
        b"/alice/a%2F%2Fb",
        b"/alice/%00",
        b"/alice/a%0Ab",
        b"/alice/a%1fb",
        b"/alice/%7f",
        b"/alice/%C2%85",
        b"/alice/%ff",
        b"/alice/%C0%AF",
        b"/alice/%ED%A0%80",
        b"/alice/%",
        b"/alice/%4",
        b"/alice/%zz",
        b"/alice/\xff",
    ],
)
def test_what_is_refused(raw):
    with pytest.raises(BadAddress) as caught:
        routing_path(raw)
    assert caught.value.status == 400


def test_an_endless_path_is_refused():
    assert routing_path(b"/" + b"a" * (RAW_MAX - 1))
    with pytest.raises(AddressTooLong) as caught:
        routing_path(b"/" + b"a" * RAW_MAX)
    assert caught.value.status == 414


_PART = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="/"), min_size=1, max_size=20
).filter(lambda part: part not in {".", ".."})


@given(st.lists(st.lists(_PART, min_size=1, max_size=3).map("/".join), min_size=1, max_size=5))
@example(["%2F", "a/b"])
@example(["%", "\u2028/\u00e9"])
def test_every_name_comes_back_from_its_address(pieces):
    raw = "".join("/" + quote(piece, safe="") for piece in pieces).encode()
    assert [restored(piece) for piece in routing_path(raw)[1:].split("/")] == pieces


@given(st.binary(max_size=60))
def test_no_bytes_are_a_surprise(raw):
    try:
        routing = routing_path(b"/" + raw)
    except BadAddress:
        return
    parts = restored(routing)[1:].split("/")
    assert routing == "/" or not {"", ".", ".."} & set(parts)


def test_a_branch_with_slashes_end_to_end(alice, site):
    alice.publish("alice/x", {"a%20b/100%25.txt": b"one"})
    alice.post("repos/alice/x/branches", json={"name": "feature/x", "revision": "main"}).expect(201)
    alice.put("repos/alice/x/raw/feature%2Fx/a%20b/100%25.txt", body=b"two").expect(201)
    read = alice.get("repos/alice/x/raw/feature%2Fx/a%20b%2F100%25.txt").expect(200)
    assert read.body == b"two"
    assert alice.get("/alice/x/resolve/main/a%20b/100%25.txt").body == b"one"
    names = [
        item["path"] for item in alice.get("repos/alice/x/tree/feature%2Fx/a%20b").json()["items"]
    ]
    assert names == ["a b/100%.txt"]
    # The slash as it is belongs to the path: a branch "feature" with a file "x/..." there is not.
    assert alice.get("repos/alice/x/raw/feature/x/a%20b/100%25.txt").code == "revision_not_found"
    alice.delete("repos/alice/x/branches/feature%2Fx").expect(204)
