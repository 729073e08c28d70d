import pytest

from lorahub_server.accounts import sessions
from support.person import Person

PASSWORD = "correct-horse-battery-9"


def test_the_profile(maren):
    form = maren.visit("/settings").form("/settings")
    page = maren.send(
        form, display_name="Maren Holt", bio="One\r\nTwo", website="https://a.example"
    )
    assert "The profile is saved." in page.text
    fields = page.form("/settings").fields
    assert fields["display_name"] == "Maren Holt"
    assert fields["bio"] == "One\nTwo"
    page = maren.send(form, display_name="x" * 81, bio="Still here", website="")
    assert page.status == 422
    assert "shorten it to 80" in page.text
    assert page.form("/settings").fields["bio"] == "Still here"
    page = maren.send(form, website="javascript:alert(1)")
    assert page.status == 422
    assert "begins with http" in page.text
    # What was refused has changed nothing.
    assert maren.visit("/settings").form("/settings").fields["display_name"] == "Maren Holt"


def test_a_new_password_signs_out_everywhere_else(maren):
    other = Person(maren.site)
    other.send(other.visit("/login").form("/login"), name="maren", password=PASSWORD)
    form = maren.visit("/settings").form("/settings/password")
    page = maren.send(form, current="wrong-one-1", password="another-good-one-7")
    assert page.status == 401
    assert "is wrong" in page.text
    page = maren.send(form, current=PASSWORD, password="short")
    assert page.status == 422
    assert "shorter than 8" in page.text
    assert "Signed in as" in other.visit("/").text
    page = maren.send(form, current=PASSWORD, password="another-good-one-7")
    assert "The password is changed" in page.text
    assert "Signed in as maren" in maren.visit("/").text
    assert "Signed in as" not in other.visit("/").text
    login = other.visit("/login").form("/login")
    assert other.send(login, name="maren", password=PASSWORD).status == 401
    assert other.send(login, name="maren", password="another-good-one-7").status == 200


def test_where_one_is_signed_in(maren):
    phone = Person(maren.site)
    form = phone.visit("/login").form("/login")
    body = f"csrf_token={form.fields['csrf_token']}&name=maren&password={PASSWORD}".encode()
    phone.ask(
        "POST",
        "/login",
        body,
        Content_Type="application/x-www-form-urlencoded",
        User_Agent="Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1",
    )
    page = maren.visit("/settings")
    assert "Safari on iPhone" in page.text
    assert "This browser" in page.text
    page = maren.send(page.form("/settings/sessions"))
    assert "Safari on iPhone" not in page.text
    assert "Signed in as maren" in page.text
    assert "Signed in as" not in phone.visit("/").text
    assert sessions.COOKIE in maren.cookies


def test_a_token_is_shown_once_and_works_until_it_is_revoked(maren, site):
    form = maren.visit("/settings/tokens").form("/settings/tokens")
    assert form.fields["scope"] == "write"  # what `lorahub push` needs
    page = maren.send(form, name="laptop", expires="30")
    token = next(word for word in page.text.split() if word.startswith("lh_") and "…" not in word)
    assert "lorahub login http://hub.test" in page.text
    said = site.as_token(token).get("whoami").json()
    assert said["name"] == "maren"
    assert said["token"]["scopes"] == ["read", "write"]
    assert said["token"]["expires_at"] is not None
    page = maren.visit("/settings/tokens")
    assert token not in page.html
    assert f"lh_…{token[-4:]}" in page.text
    assert "read and write" in page.text
    page = maren.send(page.form("/settings/tokens/revoke"))
    assert "The token is revoked" in page.text
    assert site.as_token(token).get("whoami").status == 401


def test_tokens_may_last_or_only_read(maren, site):
    form = maren.visit("/settings/tokens").form("/settings/tokens")
    page = maren.send(form, name="reader", scope="read", expires="never")
    token = next(word for word in page.text.split() if word.startswith("lh_") and "…" not in word)
    said = site.as_token(token).get("whoami").json()["token"]
    assert said["scopes"] == ["read"]
    assert said["expires_at"] is None


@pytest.mark.parametrize(
    "fields", [{"name": " "}, {"name": "x" * 81}, {"name": "a", "scope": "admin"}]
)
def test_a_wish_that_can_not_be_met(maren, fields):
    form = maren.visit("/settings/tokens").form("/settings/tokens")
    page = maren.send(form, **fields)
    assert page.status == 422
    assert "You have none" in page.text
    assert page.form("/settings/tokens").fields["name"] == fields["name"]


def test_others_tokens_are_out_of_reach(maren, site):
    nils = Person(site).sign_up("nils")
    made = maren.send(maren.visit("/settings/tokens").form("/settings/tokens"), name="mine")
    number = made.form("/settings/tokens/revoke").fields["id"]
    form = maren.visit("/settings/tokens").form("/settings/tokens/revoke")
    form.fields["csrf_token"] = nils.visit("/settings").form("/settings").fields["csrf_token"]
    assert nils.send(form, id=number).status == 404
    for odd in ("", "x", "-1", "9" * 40, "²"):
        assert nils.send(form, id=odd).status == 404
    assert "mine" in maren.visit("/settings/tokens").text


def test_a_token_can_not_reach_the_settings(maren, site):
    token = site.token_of("maren", "read", "write")
    for address in ("/settings", "/settings/tokens"):
        assert token.get(address).status == 403


@pytest.mark.parametrize("address", ["/settings", "/settings/tokens", "/upload", "/stars"])
def test_own_pages_are_for_those_who_are_signed_in(person, address):
    answer = person.ask("GET", address)
    assert answer.status == 303
    assert answer.headers["location"].startswith("/login?next=")
