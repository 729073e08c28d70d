"""Gated repositories and webhooks in a browser without scripts."""

import pytest

from lorahub_server.accounts import sessions
from lorahub_server.accounts.service import get_account
from lorahub_server.community.webhooks import outbox
from lorahub_server.jobs.tables import Job
from support.person import Person

CARD = b"""---
extra_gated_heading: Ask the painter
extra_gated_prompt: "Be *kind*. <script>alert(1)</script> [terms](https://terms.example)"
extra_gated_fields:
  "Company <b>name</b>": text
  I agree: checkbox
  Use: {type: select, options: [Research, Shop]}
extra_gated_button_content: Let me in
---
# Style
"""


@pytest.fixture
def site(emptied_site):
    return emptied_site


@pytest.fixture
def people(site):
    api = site.add_account("alice")
    site.add_account("bob")
    alice, bob = signed_in(site, "alice"), signed_in(site, "bob")
    api.publish("alice/style", {"README.md": CARD, "notes.txt": b"only for some"})
    return alice, bob


def signed_in(site, name):
    """Somebody with the cookie of a session: a password would take its time."""
    person = Person(site)
    settings = site.hub.settings
    with site.hub.db.write() as session:
        account = get_account(session, name)
        person.cookies[sessions.COOKIE] = sessions.open_session(session, settings, account)
    return person


def gate(alice, value="manual"):
    form = alice.visit("/alice/style/settings/access").form("/alice/style/settings/gate")
    return alice.send(form, gated=value)


FIELDS = {"field-0": "The Glass Works", "field-1": "on", "field-2": "Shop"}


def test_a_gate_from_its_making_to_an_answer(site, people):
    alice, bob = people
    assert "Those you accept" in gate(alice).text
    page = bob.visit("/alice/style")
    assert "Ask the painter" in page.text
    assert "Company <b>name</b>" in page.text  # as text, not as markup
    assert "<b>name</b>" not in page.html
    assert "<script>alert" not in page.html
    assert "<em>kind</em>" in page.html
    assert "Let me in" in page.text
    assert bob.ask("GET", "/alice/style/resolve/main/notes.txt").status == 403
    sent = bob.send(page.form("/alice/style/access"), **FIELDS)
    assert "Your request waits" in sent.text
    requests = alice.visit("/alice/style/settings/access")
    assert "bob" in requests.text
    assert "The Glass Works" in requests.text
    done = alice.send(requests.form("/alice/style/settings/access"), status="accepted")
    assert "they have the files now" in done.text
    assert "You have access" in bob.visit("/alice/style").text
    assert bob.ask("GET", "/alice/style/resolve/main/notes.txt").status == 200
    given_up = bob.send(bob.visit("/alice/style").form("/alice/style/access/withdraw"))
    assert "Ask the painter" in given_up.text
    assert bob.ask("GET", "/alice/style/resolve/main/notes.txt").status == 403


def test_what_is_missing_is_said_and_what_was_typed_stays(people):
    alice, bob = people
    gate(alice)
    form = bob.visit("/alice/style").form("/alice/style/access")
    again = bob.send(form, **{**FIELDS, "field-1": None})
    assert again.status == 422
    assert "Check this box to go on." in again.text
    kept = again.form("/alice/style/access").fields
    assert (kept["field-0"], kept["field-2"]) == ("The Glass Works", "Shop")


def test_a_rejection_with_its_reason(people):
    alice, bob = people
    gate(alice)
    bob.send(bob.visit("/alice/style").form("/alice/style/access"), **FIELDS)
    form = alice.visit("/alice/style/settings/access").form("/alice/style/settings/access")
    alice.send(form, status="rejected", reason="Only for friends.")
    page = bob.visit("/alice/style")
    assert "Your request was rejected" in page.text
    assert "Only for friends." in page.text
    assert [form.action for form in page.forms if "access" in form.action] == []


def test_auto_opens_at_once_and_a_grant_unasked(people, site):
    alice, bob = people
    gate(alice, "auto")
    sent = bob.send(bob.visit("/alice/style").form("/alice/style/access"), **FIELDS)
    assert "You have access" in sent.text
    site.add_account("carol")
    form = alice.visit("/alice/style/settings/access").form("/alice/style/settings/access/grant")
    assert "they have the files now" in alice.send(form, account="carol").text.lower()
    again = alice.send(form, account="carol")
    assert again.status == 400
    assert "carol has access already" in again.text
    assert alice.send(form, account="nobody-here").status == 404


def test_nobody_who_is_not_signed_in_is_asked(site, people):
    alice, _ = people
    gate(alice)
    page = Person(site).visit("/alice/style")
    assert "Sign in to ask for access" in page.text
    assert [form.action for form in page.forms if "access" in form.action] == []


def test_only_the_owner_sees_requests(people):
    alice, bob = people
    gate(alice)
    assert bob.visit("/alice/style/settings/access").status == 403
    form = alice.visit("/alice/style/settings/access").form("/alice/style/settings/gate")
    stolen = {**form.fields, "gated": ""}
    token = bob.visit("/alice/style").form("/alice/style/access").fields["csrf_token"]
    form.fields = {**stolen, "csrf_token": token}
    assert bob.send(form).status == 403


def test_pictures_of_the_card_wait_too(site, people):
    alice, bob = people
    card = CARD + b"\n![A glass](a.png)\n"
    alice_api = site.token_of("alice", "read", "write")
    alice_api.publish("alice/style", {"README.md": card, "a.png": b"png"})
    gate(alice)

    def pictures(who):
        return [one for one in who.visit("/alice/style").images if "/resolve/" in one]

    assert pictures(alice)
    assert not pictures(bob)
    assert "A glass" in bob.visit("/alice/style").text


def test_no_gate_is_shown_where_there_is_none(people):
    _, bob = people
    page = bob.visit("/alice/style")
    assert [form.action for form in page.forms if "access" in form.action] == []
    assert "Gated" not in page.text


class TestWebhooks:
    def test_added_turned_off_and_deleted(self, site, people):
        alice, _ = people
        form = alice.visit("/settings/webhooks").form("/settings/webhooks")
        assert form.fields["watched"] == "alice"
        page = alice.send(
            form,
            url="https://ci.example/hook",
            watched="alice, alice/style",
            secret="a-secret-text",
        )
        assert "The webhook is added" in page.text
        assert "a-secret-text" not in page.html
        assert "with a secret" in page.text
        assert "Nothing was sent yet." in page.text
        shown = alice.visit("/settings/webhooks")
        assert "https://ci.example/hook" in shown.text
        address = next(link for link in shown.links if link.startswith("/settings/webhooks/"))
        off = alice.send(alice.visit(address).form(f"{address}/state"))
        assert "The webhook is off" in off.text
        on = alice.send(off.form(f"{address}/state"))
        assert "The webhook is on" in on.text
        gone = alice.send(on.form(f"{address}/delete"))
        assert "You have none." in gone.text
        assert alice.visit(address).status == 404

    def test_what_is_wrong_stands_beside_its_field(self, people):
        alice, _ = people
        form = alice.visit("/settings/webhooks").form("/settings/webhooks")
        for changes, says in (
            ({"url": "http://10.0.0.1/"}, "private network"),
            ({"url": "https://x.example/", "watched": "nobody-here"}, "no account nobody-here"),
            ({"url": "https://x.example/", "watched": "alice/absent"}, "no such repository"),
            ({"url": "https://x.example/", "watched": " "}, "Name something to watch"),
            ({"url": "https://x.example/", "secret": "two words"}, "no spaces"),
        ):
            page = alice.send(form, **changes)
            assert 400 <= page.status < 500, changes
            assert says in page.text
            assert page.form("/settings/webhooks").fields["url"] == changes["url"]

    def test_deliveries_and_sending_again(self, site, people):
        alice, bob = people
        form = alice.visit("/settings/webhooks").form("/settings/webhooks")
        here = alice.send(form, url="https://ci.example/hook").address.partition("?")[0]
        site.token_of("alice", "read", "write").commit("alice/style", "more", {"a.txt": b"1"})
        with site.hub.db.write() as session:
            (job,) = session.query(Job).filter_by(kind=outbox.SHARE_OUT)
            outbox.share_out(job.args["event"], 0, job.created_at)(session)
        page = alice.visit(here)
        assert "repo.content update" in page.text
        assert "alice/style" in page.text
        assert "Waiting" in page.text
        with site.hub.db.write() as session:
            from lorahub_server.community.webhooks.tables import WebhookDelivery

            row = session.get(WebhookDelivery, 1)
            row.state, row.error, row.status = "failed", "The receiver answered 500.", 500
        page = alice.visit(here)
        assert "The receiver answered 500." in page.text
        again = alice.send(page.form(f"{here}/again"))
        assert "It is being sent again." in again.text
        assert "2 of 1000 deliveries" in again.text
        assert bob.visit(here).status == 404
        assert bob.visit("/settings/webhooks/x").status == 404

    def test_who_is_not_signed_in_is_sent_to_do_so(self, site, people):
        assert "Sign in" in Person(site).visit("/settings/webhooks").title
