import pytest

from support.person import Person


@pytest.fixture
def nils(site):
    return Person(site).sign_up("nils")


def test_the_card_is_changed_in_a_commit(maren, publish):
    publish("maren/glass")
    page = maren.visit("/maren/glass")
    assert "/maren/glass/card" in page.links
    form = maren.visit("/maren/glass/card?as=text").form("/maren/glass/card")
    assert form.fields["text"].startswith("---\nlicense: cc-by-4.0")
    page = maren.send(form, text="---\r\nlicense: mit\r\n---\r\n# New\r\n\r\nNew <i>words</i>.")
    assert page.address == "/maren/glass"
    assert "New words" in page.text.replace("<i>", "").replace("</i>", "")
    assert "MIT" in page.text
    assert "Edit the card" in maren.visit("/maren/glass/commits/main").text


def test_a_card_that_can_not_be_read_is_told_with_the_line(maren, publish):
    publish("maren/glass")
    form = maren.visit("/maren/glass/card?as=text").form("/maren/glass/card")
    page = maren.send(form, text="---\nlicense: [mit\n---\nStill here")
    assert page.status == 422
    assert "line" in page.text
    assert "Still here" in page.form("/maren/glass/card").fields["text"]
    assert "CC BY 4.0" in maren.visit("/maren/glass").text


def test_two_who_edit_at_once_lose_nothing(maren, publish):
    publish("maren/glass")
    first = maren.visit("/maren/glass/card").form("/maren/glass/card")
    second = maren.visit("/maren/glass/card").form("/maren/glass/card")
    maren.send(first, title="One", license="mit")
    page = maren.send(second, title="Two", tags="new")
    assert page.status == 409
    assert "has moved on" in page.text
    # Both wrote a title; the licence is only theirs, the tags are only mine.
    assert "Meanwhile somebody made it One" in page.text
    form = page.form("/maren/glass/card")
    assert (form.fields["title"], form.fields["license"], form.fields["tags"]) == (
        "Two", "mit", "new",
    )  # fmt: skip
    assert maren.send(form).status == 200
    page = maren.visit("/maren/glass")
    assert "Two" in page.title
    assert "MIT" in page.text
    assert "/tags/new" in page.links


def test_a_text_that_came_too_late_stands_beside_the_other(maren, publish):
    publish("maren/glass")
    first = maren.visit("/maren/glass/card?as=text").form("/maren/glass/card")
    second = maren.visit("/maren/glass/card?as=text").form("/maren/glass/card")
    maren.send(first, text="# One")
    page = maren.send(second, text="# Two")
    assert page.status == 409
    assert "Meanwhile somebody made it # One" in page.text
    assert maren.send(page.form("/maren/glass/card")).status == 200
    assert "Two" in maren.visit("/maren/glass").title


def test_other_files_are_no_conflict(maren, publish, site):
    publish("maren/glass")
    form = maren.visit("/maren/glass/card").form("/maren/glass/card")
    site.token_of("maren", "read", "write").publish("maren/glass", {"a.txt": b"x"})
    page = maren.send(form, title="Windows")
    assert page.address == "/maren/glass"
    assert "Windows" in page.title


def test_the_fields_are_changed_and_the_rest_stays(maren, publish, person):
    publish("maren/glass", "---\nlicense: mit # ours\nother: kept\n---\n# Glass\n\nText.\n")
    form = maren.visit("/maren/glass/card").form("/maren/glass/card")
    assert form.fields["body"] == "Text."
    page = maren.send(
        form, title="Windows", base_model="some/base", trigger_words="a, b", strength="0.5-0.7",
        message="Better words",
    )  # fmt: skip
    assert page.address == "/maren/glass"
    assert "Strength 0.5 to 0.7" in page.text
    text = person.ask("GET", "/maren/glass/resolve/main/README.md").text
    assert text == (
        "---\nlicense: mit # ours\nother: kept\nbase_model: some/base\ntrigger_words:\n- a\n- b\n"
        "strength: 0.5-0.7\n---\n\n# Windows\n\nText.\n"
    )
    assert "Better words" in maren.visit("/maren/glass/commits/main").text
    # Nothing changed: nothing is committed.
    before = person.visit("/maren/glass/commits/main").text.count("Edit the card")
    maren.send(maren.visit("/maren/glass/card").form("/maren/glass/card"))
    assert person.visit("/maren/glass/commits/main").text.count("Edit the card") == before


def test_a_preview_saves_nothing(maren, publish, person):
    publish("maren/glass")
    form = maren.visit("/maren/glass/card").form("/maren/glass/card")
    page = maren.send(form, body="Some *new* <script>alert(1)</script> words", do="preview")
    assert page.status == 200
    assert "<em>new</em>" in page.html
    assert "<script>alert" not in page.html
    assert "Nothing is saved yet" in page.text
    assert page.form("/maren/glass/card").fields["body"].startswith("Some *new*")
    assert "Some new" not in person.visit("/maren/glass").text
    page = maren.send(page.form("/maren/glass/card"))
    assert "Some new" in page.text


def test_what_is_wrong_stands_at_its_field(maren, publish):
    publish("maren/glass")
    form = maren.visit("/maren/glass/card").form("/maren/glass/card")
    page = maren.send(form, base_model="no name", strength="much", title="Kept")
    assert page.status == 422
    assert page.html.count('aria-invalid="true"') == 2
    assert "no name is no name of a model" in page.text
    assert page.form("/maren/glass/card").fields["title"] == "Kept"


def test_a_missing_card_is_begun(maren, publish):
    publish("maren/glass", "")
    assert "Write one" in maren.visit("/maren/glass").text
    form = maren.visit("/maren/glass/card?as=text").form("/maren/glass/card")
    assert "license: other" in form.fields["text"]
    assert "# Glass" in form.fields["text"]
    form = maren.visit("/maren/glass/card").form("/maren/glass/card")
    assert form.fields["title"] == "Glass"
    page = maren.send(form, license="mit")
    assert page.address == "/maren/glass"
    assert "MIT" in page.text


def test_only_the_owner_edits(maren, nils, publish, person):
    """Others suggest a change: test_discussions.py."""
    publish("maren/glass")
    assert "Save the card" not in nils.visit("/maren/glass/card").text
    assert person.visit("/maren/glass/card").address.startswith("/login")
    form = maren.visit("/maren/glass/card?as=text").form("/maren/glass/card")
    token = nils.visit("/settings").form("/settings").fields["csrf_token"]
    before = maren.visit("/maren/glass").title
    assert "#1" in nils.send(form, csrf_token=token, text="# Mine").text
    assert maren.visit("/maren/glass").title == before
