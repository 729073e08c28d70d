"""Previews through the doors: what everybody sees, what owners change, bytes and their caches."""

import json

import pytest

from support import galleries
from support.galleries import add_base, hold_base, pretend, publish
from support.inside import Inside, sha256
from support.picture_files import picture, png, raw_png

HERE = "repos/alice/style/previews"
BYTES = "/alice/style/previews"


@pytest.fixture
def hub(site):
    settings = site.hub.settings
    made = Inside(settings.database_url, settings.store_url, settings.data, make_tables=False)
    add_base(made)
    hold_base(made)
    yield made
    made.close()


@pytest.fixture
def alice(site, hub):
    hub.caller("alice")
    return site.token_of("alice", "read", "write")


@pytest.fixture
def bob(site):
    return site.add_account("bob")


@pytest.fixture
def anonymous(site):
    return site.as_token(None)


@pytest.fixture
def shown(hub, alice):
    """Previews of alice/style, rendered."""
    publish(hub)
    pretend(hub)
    return alice.get(HERE).expect(200).json()


def test_everybody_sees_the_previews_of_a_public_repository(shown, anonymous):
    found = anonymous.get(HERE).expect(200).json()
    assert found == {**shown, "prompts": None, "chosen_base": None}
    assert (found["state"], found["family"], found["base"]["id"]) == ("planned", "shapes", "tiny")
    first = found["items"][0]
    assert (first["group"], first["id"], first["is_cover"]) == ("samples", found["cover"], True)
    assert first["made"]["recipe"]["adapters"][0]["sha256"] == first["sha256"]
    assert first["base"]["recipe"]["adapters"] == []
    assert anonymous.get(f"{HERE}/{first['id']}").expect(200).json() == first
    assert anonymous.get(f"{HERE}/999").expect(404).json()["error"]["code"] == "preview_not_found"


def test_bytes(shown, anonymous, hub):
    first = shown["items"][0]
    path = first["picture"]["url"].removeprefix("http://hub.test")
    assert path == f"{BYTES}/{first['id']}.png"
    whole = anonymous.get(path).expect(200)
    assert sha256(whole.body) == first["picture"]["sha256"]
    assert whole.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert whole.headers["Content-Type"] == "image/png"
    assert "sandbox" in whole.headers["Content-Security-Policy"]
    etag = whole.headers["ETag"]
    again = anonymous.get(path, headers={"If-None-Match": etag}).expect(304)
    assert again.body == b""
    part = anonymous.get(path, headers={"Range": "bytes=1-3"}).expect(206)
    assert part.body == b"PNG"
    assert anonymous.head(path).expect(200).headers["Content-Length"] == str(len(whole.body))
    small = anonymous.get(f"{BYTES}/{first['id']}/small").expect(200)
    assert (small.body, small.headers["Content-Type"]) == (b"small", "image/webp")
    base = anonymous.get(f"{BYTES}/{first['id']}/base.png").expect(200)
    assert sha256(base.body) == first["base"]["picture"]["sha256"] != sha256(whole.body)
    anonymous.get(f"{BYTES}/{first['id']}/base/small").expect(200)
    for wrong in ("0.png", "x.png", "9" * 40 + ".png", "-1.png", "1e3/small", "%C2%B2/small"):
        anonymous.get(f"{BYTES}/{wrong}").expect(404)
    # A step of the sweep stands by itself.
    anonymous.get(f"{BYTES}/{shown['items'][-1]['id']}/base.png").expect(404)


def test_those_of_a_private_repository_are_for_its_readers_and_kept_by_nobody(
    shown, alice, bob, anonymous
):
    first = shown["items"][0]["id"]
    alice.patch("repos/alice/style", json={"private": True}).expect(200)
    paths = [f"{BYTES}/{first}.png", f"{BYTES}/{first}/small", f"{BYTES}/{first}/base.png"]
    for path in [*paths, f"/api/hub/v1/{HERE}", f"/api/hub/v1/{HERE}/{first}/recipe"]:
        assert alice.get(path).status == 200
        assert bob.get(path).status == anonymous.get(path).status == 404
    assert alice.get(paths[0]).headers["Cache-Control"] == "private, no-store"


def test_the_id_of_a_preview_is_good_in_its_own_repository_alone(shown, alice, hub):
    publish(hub, "other", galleries.shapes_adapter(seed=8))
    first = shown["items"][0]["id"]
    other = "repos/alice/other/previews"
    assert alice.get(f"{other}/{first}").status == 404
    assert alice.get(f"/alice/other/previews/{first}.png").status == 404
    assert alice.patch(f"{other}/{first}", json={"caption": "x"}).status == 404
    assert alice.delete(f"{other}/{first}").status == 404
    assert alice.put(f"{other}/cover", json={"preview": first}).status == 404


def test_of_a_gated_repository_pictures_are_shown_and_files_are_not(shown, alice, bob):
    first = shown["items"][0]["id"]
    alice.patch("repos/alice/style", json={"gated": "manual"}).expect(200)
    bob.get(f"{BYTES}/{first}.png").expect(200)
    assert len(bob.get(HERE).expect(200).json()["items"]) == len(shown["items"])
    bob.get(f"{HERE}/{first}/recipe").expect(403)
    alice.get(f"{HERE}/{first}/recipe").expect(200)


def test_the_document_has_all_that_is_needed_elsewhere(shown, anonymous):
    first = shown["items"][0]
    found = anonymous.get(f"{HERE}/{first['id']}/recipe").expect(200).json()
    assert found["recipe"] == first["made"]["recipe"]
    assert found["picture"]["sha256"] == first["picture"]["sha256"]
    (file,) = found["files"].values()
    assert list(found["files"]) == [first["sha256"]]
    body = anonymous.get(file["url"].removeprefix("http://hub.test")).expect(200).body
    assert sha256(body) == first["sha256"]
    # Where a folder lies on the workers is nobody's business.
    assert found["base"]["digest"] == galleries.DIGEST
    assert "/nowhere" not in json.dumps(found)
    alone = anonymous.get(f"{HERE}/{first['id']}/recipe?base=1").expect(200).json()
    assert alone["files"] == {}
    assert alone["recipe"] == first["base"]["recipe"]


def test_owners_change_things_and_nobody_else(shown, alice, bob, anonymous, site):
    first = shown["items"][0]["id"]
    reader = site.token_of("alice", "read")
    for method, path, body in (
        ("PUT", f"{HERE}/prompts", {"prompts": [{"prompt": "a red star"}]}),
        ("PUT", f"{HERE}/cover", {"preview": first}),
        ("POST", f"{HERE}/render", None),
        ("POST", f"{HERE}/cancel", None),
        ("PATCH", f"{HERE}/{first}", {"caption": "Mine", "maturity": "none"}),
        ("PATCH", HERE, {"enabled": True}),
    ):
        for caller, status in ((bob, 403), (reader, 403), (anonymous, 401)):
            assert caller.call(method, path, json=body).status == status, (method, path)
        alice.call(method, path, json=body).expect(200)
    for caller, status in ((bob, 403), (reader, 403), (anonymous, 401)):
        assert caller.post(HERE, body=picture()).status == status
        assert caller.delete(f"{HERE}/{first}").status == status
    found = alice.get(f"{HERE}/{first}").json()
    assert (found["caption"], found["maturity"], found["rated_by"]) == ("Mine", "none", "owner")
    assert alice.delete(f"{HERE}/{first}").expect(409).json()["error"]["code"] == "not_removable"


def test_upload_and_remove(hub, alice, anonymous):
    hub.make_repo()
    data = png({"parameters": "a cat\nSteps: 7, Seed: 3"}, size=(50, 40))
    made = alice.post(f"{HERE}?caption=A%20cat&maturity=none", body=data).expect(201).json()
    assert made["group"] == "uploaded"
    assert made["made"] is None
    assert made["account"] == "alice"
    told = made["picture"]["parameters"]
    assert (told["prompt"], told["seed"], made["picture"]["width"]) == ("a cat", 3, 50)
    there = f"{BYTES}/{made['id']}"
    assert anonymous.get(f"{there}.png").expect(200).body == data
    # Until a worker made the small copy the whole picture stands in for it, for a moment.
    small = anonymous.get(f"{there}/small").expect(200)
    assert (small.body, small.headers["Cache-Control"]) == (data, "public, no-cache")
    assert alice.post(HERE, body=data).expect(201).json()["id"] == made["id"]
    alice.delete(f"{HERE}/{made['id']}").expect(204)
    anonymous.get(f"{there}.png").expect(404)


def test_what_is_no_picture_is_refused_and_nothing_is_kept(hub, alice):
    hub.make_repo()
    broken = bytearray(png({"parameters": "x"}))
    broken[40] ^= 1
    for body, status in (
        (b"", 422), (b"GIF89a", 422), (b"<svg/>", 422), (bytes(broken), 422),
        (raw_png(size=(20_000, 9)), 413), (b"\x89PNG\r\n\x1a\n" + b"\0" * (21 * 1024 * 1024), 413),
    ):  # fmt: skip
        assert alice.post(HERE, body=body).status == status
    assert alice.post(f"{HERE}?maturity=wild", body=picture()).status == 422
    assert alice.post(f"{HERE}?caption={'x' * 301}", body=picture()).status == 422
    assert list(hub.store.list("pictures/")) == []
    assert alice.get(HERE).json()["items"] == []


@pytest.mark.parametrize("size", [11 * 1024 * 1024])
def test_larger_bodies_than_elsewhere_are_fine(hub, alice, size):
    hub.make_repo()
    data = raw_png((b"prIV", b"\0" * size))
    alice.post(HERE, body=data).expect(201)


NONSENSE = [b"", b"null", b"[]", b"5", b"{", b"[" * 50_000, b'{"prompts": "x", "preview": "x"}',
            b'{"prompts": [{"prompt": "\\u0000"}]}', b'{"prompts": [{"prompt": "\\ud800"}]}',
            b'{"prompts": [{"prompt": "x", "seed": 1e400}]}', b'{"preview": 9999999999999999999999}',
            b'{"prompts": [{"prompt": "x", "seed": 9223372036854775808}]}', b'{"maturity": "x"}',
            b'{"base": "\\u0000"}', b'{"caption": "\\ud800\\u0000"}', b'{"enabled": "maybe so"}',
            b'{"prompts": [], "base": "nowhere"}', b'{"preview": -1}']  # fmt: skip


def test_nonsense_is_no_fault_of_the_hub(shown, alice):
    first = shown["items"][0]["id"]
    for body in NONSENSE:
        for method, path in (("PUT", f"{HERE}/prompts"), ("PUT", f"{HERE}/cover"),
                             ("PATCH", f"{HERE}/{first}"), ("PATCH", HERE)):  # fmt: skip
            answer = alice.call(
                method, path, body=body, headers={"Content-Type": "application/json"}
            )
            assert answer.status < 500, (method, path, body[:60], answer.body)
    for path in (f"{HERE}/99999999999999999999", f"{HERE}/x", f"{HERE}/-1"):
        assert 400 <= alice.get(path).status < 500


def test_the_card_in_lists_names_the_preview(shown, alice, site):
    page = site.as_token(None).get("/").text
    assert f"/alice/style/previews/{shown['cover']}/small" in page
