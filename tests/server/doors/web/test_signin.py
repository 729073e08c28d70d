import pytest

from lorahub_server.accounts import sessions
from lorahub_server.kit import csrf
from support.person import Page, Person

PASSWORD = "correct-horse-battery-9"


def test_sign_up_sign_out_sign_in(person):
    page = person.send(person.visit("/signup").form("/signup"), name="Maren", password=PASSWORD)
    assert page.status == 200
    assert "Signed in as Maren" in page.text
    cookie = person.cookies[sessions.COOKIE]
    page = person.send(page.form("/logout"))
    assert "Sign in" in page.text
    assert sessions.COOKIE not in person.cookies
    # The session has ended on the server too.
    person.cookies[sessions.COOKIE] = cookie
    assert "Signed in as" not in person.visit("/").text
    del person.cookies[sessions.COOKIE]
    page = person.send(person.visit("/login").form("/login"), name="maren", password=PASSWORD)
    assert "Signed in as Maren" in page.text


def test_the_session_cookie_is_out_of_reach(person):
    form = person.visit("/signup").form("/signup")
    fields = f"csrf_token={form.fields['csrf_token']}&name=maren&password={PASSWORD}"
    answer = person.ask(
        "POST", "/signup", fields.encode(), Content_Type="application/x-www-form-urlencoded"
    )
    cookies = [c for c in answer.headers.get_all("set-cookie") if sessions.COOKIE in c]
    assert answer.status == 303
    assert "HttpOnly" in cookies[0]
    assert "SameSite=lax" in cookies[0]


def test_a_wrong_password_is_told_in_the_form(maren):
    other = Person(maren.site)
    page = other.send(other.visit("/login").form("/login"), name="maren", password="wrong-one-1")
    assert page.status == 401
    assert "The name or the password is wrong" in page.text
    # What was typed is still there, but for the password.
    assert page.form("/login").fields["name"] == "maren"
    assert page.form("/login").fields["password"] == ""


def test_faults_of_a_new_account_stand_at_their_fields(maren):
    other = Person(maren.site)
    form = other.visit("/signup").form("/signup")
    for name, password, wrong in (
        ("maren", PASSWORD, "The name maren is taken"),
        ("admin", PASSWORD, "reserved"),
        ("a b", PASSWORD, "letters A-Z"),
        ("nils", "short", "shorter than 8"),
        ("nils", "password123", "commonest"),
    ):
        page = other.send(form, name=name, password=password)
        assert page.status in (409, 422)
        assert wrong in page.text
        assert 'aria-invalid="true"' in page.html
    assert sessions.COOKIE not in other.cookies


def test_a_page_that_needs_an_account_comes_back_after_the_sign_in(maren):
    other = Person(maren.site)
    page = other.visit("/settings/tokens?done=revoked")
    assert page.address == "/login?next=%2Fsettings%2Ftokens%3Fdone%3Drevoked"
    page = other.send(page.form("/login"), name="maren", password=PASSWORD)
    assert page.address == "/settings/tokens?done=revoked"


@pytest.mark.parametrize(
    "next_",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/%0a\r\nX",
        "\t//e",
    ],
)
def test_nobody_is_sent_away_after_the_sign_in(maren, next_):
    other = Person(maren.site)
    form = other.visit("/login").form("/login")
    page = other.send(form, name="maren", password=PASSWORD, next=next_)
    assert page.address == "/"


def test_one_who_is_signed_in_needs_no_form(maren):
    assert maren.visit("/login?next=/tags").address == "/tags"
    assert maren.visit("/signup").address == "/"


def test_a_closed_hub_makes_no_accounts(start_site):
    person = Person(start_site(signup="closed"))
    page = person.visit("/signup")
    assert "the operator makes the accounts" in page.text
    assert "/signup" not in person.visit("/").links
    form = person.visit("/login").form("/login")
    form.action = "/signup"
    page = person.send(form, name="maren", password=PASSWORD)
    assert page.status == 403
    assert sessions.COOKIE not in person.cookies


def test_too_many_tries_say_how_long_to_wait(maren):
    other = Person(maren.site)
    form = other.visit("/login").form("/login")
    for _ in range(10):
        assert other.send(form, name="maren", password="wrong-one-1").status == 401
    page = other.send(form, name="maren", password=PASSWORD)
    assert page.status == 429
    assert "Too many failed sign-ins. Try again in" in page.text
    assert int(page.answer.headers["retry-after"]) > 0


def test_forms_need_their_token(maren):
    form = maren.visit("/settings").form("/settings")
    assert maren.send(form, csrf_token=None).status == 403
    assert maren.send(form, csrf_token="0" * 96).status == 403
    assert maren.send(form, display_name="M").status == 200


@pytest.mark.parametrize(
    ("referer", "to"),
    [
        ("http://hub.test/settings?done=1", "/settings?done=1"),
        ("http://hub.test//evil.example", None),
        ("http://[", None),
        ("", None),
    ],
)
def test_an_old_form_leads_back_to_its_page(maren, referer, to):
    body, kind = b"csrf_token=old", "application/x-www-form-urlencoded"
    answer = maren.ask("POST", "/settings", body, Content_Type=kind, Referer=referer)
    page = Page(answer, "/settings")
    assert page.status == 403
    assert "That page was too old" in page.text
    assert "Nothing was changed" in page.text
    assert "Sign in" not in page.text
    assert ("Load the page again" in page.text.partition("go back first.")[2]) == (to is not None)
    assert (to or "/") in page.links
    assert not [link for link in page.links if link.startswith("//")]


def test_a_token_of_another_session_is_worth_nothing(maren, person):
    nils = person.sign_up("nils")
    form = maren.visit("/settings").form("/settings")
    page = nils.send(form, display_name="Taken over")
    assert page.status == 403
    assert "Load the page again" in page.text
    nils.cookies[csrf.COOKIE] = maren.cookies[csrf.COOKIE]
    assert nils.send(form, display_name="Taken over").status == 403


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}],
)
def test_other_sites_can_send_no_form(maren, headers):
    form = maren.visit("/settings").form("/settings")
    body = f"csrf_token={form.fields['csrf_token']}&display_name=X".encode()
    kind = "application/x-www-form-urlencoded"
    answer = maren.ask("POST", "/settings", body, Content_Type=kind, **headers)
    assert answer.status == 403


def test_signing_out_takes_a_form(maren):
    assert maren.ask("GET", "/logout").status in (404, 405)
    assert maren.ask("POST", "/logout").status in (400, 403)
    assert "Signed in as maren" in maren.visit("/").text
