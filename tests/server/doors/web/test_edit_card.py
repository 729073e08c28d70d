import pytest

from support.person import Person


@pytest.fixture
def nils(site):
    return Person(site).sign_up("nils")


def test_the_card_is_changed_in_a_commit(maren, publish):
    publish("maren/glass")
    page = maren.visit("/maren/glass")
    assert "/maren/glass/card" in page.links
    form = maren.visit("/maren/glass/card").form("/maren/glass/card")
    assert form.fields["text"].startswith("---\nlicense: cc-by-4.0")
    page = maren.send(form, text="---\r\nlicense: mit\r\n---\r\n# New\r\n\r\nNew <i>words</i>.")
    assert page.address == "/maren/glass"
    assert "New words" in page.text.replace("<i>", "").replace("</i>", "")
    assert "MIT" in page.text
    assert "Edit the card" in maren.visit("/maren/glass/commits/main").text


def test_a_card_that_can_not_be_read_is_told_with_the_line(maren, publish):
    publish("maren/glass")
    form = maren.visit("/maren/glass/card").form("/maren/glass/card")
    page = maren.send(form, text="---\nlicense: [mit\n---\nStill here")
    assert page.status == 422
    assert "line" in page.text
    assert "Still here" in page.form("/maren/glass/card").fields["text"]
    assert "CC BY 4.0" in maren.visit("/maren/glass").text


def test_two_who_edit_at_once_do_not_overwrite_each_other(maren, publish):
    publish("maren/glass")
    first = maren.visit("/maren/glass/card").form("/maren/glass/card")
    second = maren.visit("/maren/glass/card").form("/maren/glass/card")
    maren.send(first, text="# One")
    page = maren.send(second, text="# Two")
    assert page.status == 409
    assert "has moved on" in page.text
    # What was typed is kept, and now stands on what is there.
    assert maren.send(page.form("/maren/glass/card")).status == 200
    assert "Two" in maren.visit("/maren/glass").title


def test_a_missing_card_is_begun(maren, publish):
    publish("maren/glass", "")
    assert "Write one" in maren.visit("/maren/glass").text
    form = maren.visit("/maren/glass/card").form("/maren/glass/card")
    assert "license: other" in form.fields["text"]
    assert "# Glass" in form.fields["text"]


def test_only_the_owner_edits(maren, nils, publish, person):
    """Others suggest a change: test_discussions.py."""
    publish("maren/glass")
    assert "Save the card" not in nils.visit("/maren/glass/card").text
    assert person.visit("/maren/glass/card").address.startswith("/login")
    form = maren.visit("/maren/glass/card").form("/maren/glass/card")
    token = nils.visit("/settings").form("/settings").fields["csrf_token"]
    before = maren.visit("/maren/glass").title
    assert "#1" in nils.send(form, csrf_token=token, text="# Mine").text
    assert maren.visit("/maren/glass").title == before
