"""The registry of base models through the API."""

import pytest

from lorahub_server.accounts.service import get_account
from lorahub_server.insight.bases import service

WISH = {"id": "sd15", "family": "sd1", "source": "/models/sd15", "steps": 25}


@pytest.fixture
def admin(site):
    admin = site.add_account("root-of-it")
    with site.hub.db.write() as session:
        get_account(session, "root-of-it").is_admin = True
    return admin


def test_it_is_added_seen_turned_off_and_removed(site, admin):
    made = admin.post("bases", json=WISH).expect(201).json()
    assert (made["title"], made["task"], made["steps"], made["held"]) == (
        "sd15",
        "image",
        25,
        False,
    )
    assert made["source"] == "/models/sd15"
    assert admin.post("bases", json=WISH).expect(409).json()["error"]["code"] == "base_exists"
    with site.hub.db.write() as session:
        told = {"digest": "d" * 64, "device": "cpu", "dtype": "auto"}
        assert service.advertise(session, "sd15", "one", **told)
        assert not service.advertise(session, "sd15", "two", **told)
    (seen,) = site.add_account("bob").get("bases").expect(200).json()["items"]
    assert seen["held"] is True
    secret = ("source", "endpoint", "revision", "dtype", "holders")
    assert [seen[name] for name in secret] == [None] * len(secret)
    (mine,) = admin.get("bases").expect(200).json()["items"]
    assert [one["worker"] for one in mine["holders"]] == ["one", "two"]
    changed = admin.patch("bases/sd15", json={"enabled": False}).expect(200).json()
    assert changed == mine | {"enabled": False}
    admin.delete("bases/sd15").expect(204)
    admin.delete("bases/sd15").expect(404)
    assert admin.get("bases").expect(200).json()["items"] == []


def test_administrators_see_where_it_comes_from(site, admin):
    more = {"source": "https://models.example/a/b", "revision": "v2", "dtype": "fp16"}
    admin.post("bases", json=WISH | more).expect(201)
    (mine,) = admin.get("bases").expect(200).json()["items"]
    assert {name: mine[name] for name in more} == more
    assert mine["endpoint"] == "https://models.example"
    (seen,) = site.as_token(None).get("bases").expect(200).json()["items"]
    assert "models.example" not in str(seen)


def test_others_may_not(site, admin):
    admin.post("bases", json=WISH).expect(201)
    bob, nobody = site.add_account("bob"), site.as_token(None)
    reader = site.token_of("root-of-it", "read")
    for who, status in ((bob, 403), (nobody, 401), (reader, 403)):
        who.post("bases", json={**WISH, "id": "x"}).expect(status)
        who.patch("bases/sd15", json={"enabled": False}).expect(status)
        who.delete("bases/sd15").expect(status)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "A B"}, {"family": "Has Spaces"}, {"source": ""}, {"source": "../up"}, {"steps": 0},
        {"guidance": "NaN"}, {"width": 511}, {"scheduler": "mine"}, {"dtype": "int4"}, {"more": 1},
        {"source": "https://a:b@host/x/y"}, {"source": "https://host/x/y/z"},
    ],
)  # fmt: skip
def test_nonsense_is_refused(admin, change):
    admin.post("bases", json=WISH | change).expect(422)
