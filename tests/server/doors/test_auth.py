"""Who is asking: tokens, sessions, and what another site's page may not make a browser do."""

import base64
import time
from datetime import timedelta

import pytest
from sqlalchemy import update

from lorahub_server.accounts.tables import ApiToken
from lorahub_server.kit import csrf
from lorahub_server.kit.clock import now


def test_who_am_i(site, alice, anonymous):
    found = alice.get("whoami").json()
    assert (found["name"], found["via"], found["is_admin"]) == ("alice", "token", False)
    assert found["token"] == {"name": "test", "scopes": ["read", "write"], "expires_at": None}
    refused = anonymous.get("whoami")
    assert (refused.status, refused.code) == (401, "login_required")
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    signed_in = site.signed_in("alice").get("whoami").json()
    assert (signed_in["via"], signed_in["token"]) == ("session", None)


@pytest.mark.parametrize("form", ["Bearer {}", "bearer   {}", "basic-password", "basic-user"])
def test_forms_of_the_header(alice, anonymous, form):
    value = form.format(alice.token)
    if form.startswith("basic"):
        pair = f"me:{alice.token}" if form == "basic-password" else f"{alice.token}:"
        value = "Basic " + base64.b64encode(pair.encode()).decode()
    found = anonymous.get("whoami", headers={"Authorization": value})
    assert found.json()["name"] == "alice"


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer lh_nonsense", "Basic !", "Digest x", "Bearer \xff", "x" * 9000]
)
def test_a_bad_token_is_never_taken_for_nobody(alice, anonymous, value):
    alice.publish("alice/public", {"a.txt": b"x"})
    refused = anonymous.get("repos/alice/public", headers={"Authorization": value})
    assert refused.status == 401
    assert refused.code == "token_invalid"


def test_a_token_of_yesterday(site, alice, anonymous):
    with site.hub.db.write() as session:
        past = now() - timedelta(seconds=1)
        session.execute(update(ApiToken).values(expires_at=past))
    assert alice.get("whoami").code == "token_expired"


def test_reading_tokens_do_not_write(site, alice):
    reader = site.token_of("alice", "read")
    refused = reader.post("repos", json={"name": "x"})
    assert (refused.status, refused.code) == (403, "scope_missing")
    assert refused.json()["error"]["scope"] == "write"


def test_tokens_are_made_by_people_only(site, alice, anonymous):
    wish = {"name": "laptop", "scopes": ["read", "write"]}
    for caller in (alice, site.token_of("alice", "read")):
        assert caller.post("tokens", json=wish).code == "session_required"
        assert caller.get("tokens").code == "session_required"
        assert caller.delete("tokens/1").code == "session_required"
    assert anonymous.post("tokens", json=wish).status == 401
    person = site.signed_in("alice")
    made = person.post("tokens", json=wish).expect(201).json()
    assert site.as_token(made["token"]).get("whoami").json()["token"]["name"] == "laptop"
    listed = person.get("tokens").json()["items"]
    assert made["id"] in [item["id"] for item in listed]
    assert made["token"] not in str(listed)
    person.delete(f"tokens/{made['id']}").expect(204)
    assert site.as_token(made["token"]).get("whoami").code == "token_invalid"
    assert person.delete(f"tokens/{made['id']}").code == "token_not_found"


def test_nobody_revokes_the_tokens_of_others(site, alice, bob):
    made = site.signed_in("alice").post("tokens", json={"name": "a", "scopes": ["read"]}).json()
    assert site.signed_in("bob").delete(f"tokens/{made['id']}").code == "token_not_found"
    assert site.as_token(made["token"]).get("whoami").status == 200


@pytest.mark.parametrize("number", ["-1", "x", str(2**63), str(10**40)])
def test_ids_that_are_none(site, alice, number):
    assert site.signed_in("alice").delete(f"tokens/{number}").status == 422


class TestCookies:
    """A browser sends them whoever made the page."""

    @pytest.fixture
    def person(self, site, alice):
        return site.signed_in("alice")

    def test_reading_needs_no_proof(self, person):
        del person.headers[csrf.HEADER]
        assert person.get("whoami").status == 200

    @pytest.mark.parametrize("value", [None, "", "x" * 96])
    def test_changes_need_the_header(self, person, value):
        person.headers.pop(csrf.HEADER)
        if value is not None:
            person.headers[csrf.HEADER] = value
        refused = person.post("repos", json={"name": "x"})
        assert (refused.status, refused.code) == (403, "csrf_failed")

    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://evil.test"},
            {"Origin": "null"},
            {"Origin": "http://hub.test:81"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
        ],
    )
    def test_changes_come_from_our_own_pages(self, person, headers):
        refused = person.post("repos", json={"name": "x"}, headers=headers)
        assert (refused.status, refused.code) == (403, "csrf_failed")

    def test_a_raw_put_is_a_change_too(self, person):
        person.headers.pop(csrf.HEADER)
        refused = person.put("repos/alice/x/raw/main/a.txt", body=b"x", query={"create": 1})
        assert refused.code == "csrf_failed"

    def test_with_all_of_it_it_works(self, person):
        person.post("repos", json={"name": "x"}).expect(201)
        person.put("repos/alice/x/raw/main/a.txt", body=b"x").expect(201)

    def test_behind_a_proxy_with_tls(self, start_site):
        site = start_site(public_url="https://hub.example")
        site.add_account("alice")
        person = site.signed_in("alice")
        person.headers["Origin"] = "https://hub.example"
        person.post("repos", json={"name": "x"}).expect(201)
        made = person.get("repos/alice/x").json()
        assert made["url"] == "https://hub.example/alice/x"


def last_used(site) -> list:
    with site.hub.db.read() as session:
        return [row.last_used_at for row in session.query(ApiToken).order_by(ApiToken.id)]


def test_the_use_of_a_token_is_noted_hourly(site, alice):
    assert last_used(site) == [None]
    alice.get("whoami").expect(200)
    end = time.monotonic() + 5
    while last_used(site) == [None]:
        assert time.monotonic() < end
        time.sleep(0.02)
    (first,) = last_used(site)
    alice.get("whoami").expect(200)
    alice.post("repos", json={"name": "x"}).expect(201)
    time.sleep(0.2)
    assert last_used(site) == [first]
    with site.hub.db.write() as session:
        old = first - timedelta(hours=2)
        session.execute(update(ApiToken).values(last_used_at=old))
    alice.post("repos", json={"name": "y"}).expect(201)
    assert last_used(site)[0] >= first
