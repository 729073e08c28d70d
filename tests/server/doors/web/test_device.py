"""`hf auth login`: what the program is told, and the page where a person lets it in."""

import json
from urllib.parse import urlencode

import pytest

from lorahub_server.accounts import devices
from support.person import Person

CLIENT = "26be6b09-91c5-47da-9861-d2d2bb7a7e36"
GRANT = "urn:ietf:params:oauth:grant-type:device_code"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def program(site):
    """Ask an address of /oauth as the client does."""

    def ask(what: str, status: int = 200, **fields: str) -> dict:
        body = urlencode({"client_id": CLIENT, **fields}).encode()
        headers = {**FORM, "User-Agent": "unknown/None; hf_hub/2.4.0"}
        answer = site.as_token(None).post(f"/oauth/{what}", body=body, headers=headers)
        assert status == 429 or answer.headers["cache-control"] == "no-store"
        return answer.expect(status).json()

    return ask


def token(program, begun: dict, status: int = 200) -> dict:
    return program("token", status, grant_type=GRANT, device_code=begun["device_code"])


def test_a_person_lets_a_program_in(site, maren, program):
    begun = program("device")
    assert begun["verification_uri"] == "http://hub.test/device"
    assert begun["expires_in"] == 900
    assert token(program, begun, 400)["error"] == "authorization_pending"
    page = maren.visit(begun["verification_uri_complete"].removeprefix("http://hub.test"))
    assert page.form("/device").fields["code"] == begun["user_code"]
    page = maren.send(page.form("/device"))
    assert "hf_hub/2.4.0" in page.text
    assert begun["user_code"] in page.text
    assert page.answer.headers["cache-control"] == "private, no-store"
    page = maren.send(page.form("/device/answer"), answer="approve", name="My laptop")
    assert "The program is signed in." in page.text
    got = token(program, begun)
    assert (got["token_type"], got["scope"], got["expires_in"]) == (
        "bearer", "read write", 90 * 24 * 3600,
    )  # fmt: skip
    who = site.as_token(got["access_token"]).get("/api/whoami-v2").expect(200).json()
    assert (who["name"], who["auth"]["accessToken"]["displayName"]) == ("maren", "My laptop")
    assert who["auth"]["accessToken"]["role"] == "write"
    assert "My laptop" in maren.visit("/settings/tokens").text
    assert token(program, begun, 400)["error"] == "invalid_grant"


def test_or_turns_it_away(maren, program):
    begun = program("device")
    page = maren.send(maren.visit("/device").form("/device"), code=begun["user_code"].lower())
    page = maren.send(page.form("/device/answer"), answer="deny")
    assert "turned away" in page.text
    assert token(program, begun, 400)["error"] == "access_denied"
    page = maren.send(maren.visit("/device").form("/device"), code=begun["user_code"])
    assert page.status == 404
    assert "No program waits with this code" in page.text
    assert page.form("/device").fields["code"] == begun["user_code"]


def test_a_narrower_token(site, maren, program):
    begun = program("device")
    page = maren.send(maren.visit("/device").form("/device"), code=begun["user_code"])
    form = page.form("/device/answer")
    page = maren.send(form, answer="approve", scope="read", expires="never", name=" ")
    assert page.status == 422
    assert "has 1 to 80 characters" in page.text
    assert page.form("/device/answer").fields["scope"] == "read"
    page = maren.send(form, answer="approve", scope="everything")
    assert page.status == 422
    assert "scopes are read and write" in page.text
    assert token(program, begun, 400)["error"] == "authorization_pending"
    maren.send(form, answer="approve", scope="read", expires="never")
    got = token(program, begun)
    assert (got["scope"], "expires_in" in got) == ("read", False)
    site.as_token(got["access_token"]).post("repos", json={"name": "x"}).expect(403)


def test_who_is_not_signed_in_signs_in_first(person, maren, program):
    begun = program("device")
    page = person.visit(f"/device?code={begun['user_code']}")
    form = page.form("/login")
    assert form.fields["next"] == f"/device?code={begun['user_code']}"
    page = person.send(form, name="maren", password="correct-horse-battery-9")
    assert page.form("/device").fields["code"] == begun["user_code"]


def test_another_site_can_not_approve(site, maren, program):
    begun = program("device")
    page = maren.send(maren.visit("/device").form("/device"), code=begun["user_code"])
    fields = page.form("/device/answer").fields | {"answer": "approve"}
    for changes, headers in (
        ({"csrf_token": "x"}, {}),
        ({}, {"Origin": "https://evil.example"}),
    ):
        body = urlencode(fields | changes).encode()
        sent = {"Content_Type": FORM["Content-Type"], **headers}
        assert maren.ask("POST", "/device/answer", body, **sent).status == 403
    nobody = Person(site)
    assert (
        nobody.ask("POST", "/device/answer", b"", Content_Type=FORM["Content-Type"]).status == 403
    )
    # A token can't make tokens.
    site.token_of("maren", "read", "write").post("/device/answer", body=b"", headers=FORM).expect(
        403
    )
    assert token(program, begun, 400)["error"] == "authorization_pending"


def test_codes_can_not_be_tried_for_ever(maren):
    form = maren.visit("/device").form("/device")
    for _ in range(devices.GUESS.count):
        assert maren.send(form, code="BCDF-GHJK").status == 404
    answer = maren.send(form, code="BCDF-GHJK").answer
    assert answer.status == 429
    assert int(answer.headers["retry-after"]) > 0


def test_programs_that_ask_for_something_else(site, program):
    anonymous = site.as_token(None)
    for sent, error in (
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "unsupported_grant_type"),
        ({}, "unsupported_grant_type"),
        ({"grant_type": GRANT}, "invalid_grant"),
        ({"grant_type": GRANT, "device_code": "x", "client_id": ""}, "invalid_grant"),
    ):
        told = program("token", 400, **sent)
        assert told["error"] == error
        assert told["error_description"]
    assert program("device", 400, client_id="")["error"] == "invalid_request"
    body = json.dumps({"grant_type": GRANT}).encode()
    answer = anonymous.post("/oauth/token", body=body, headers={"Content-Type": "application/json"})
    assert answer.expect(400).json()["error"] == "unsupported_grant_type"
    # A stale token in a header is no hindrance.
    site.as_token("lh_wrong").post("/oauth/device", body=b"client_id=x", headers=FORM).expect(200)
    assert "error" in anonymous.get("/oauth/token").json()


def test_no_more_programs_than_a_network_has(program):
    for _ in range(devices.BEGIN.count):
        program("device")
    assert "Too many programs to sign in" in program("device", 429)["error"]
