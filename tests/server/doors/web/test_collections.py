"""Collections on the site, by plain forms."""

import pytest

from support.person import Person


@pytest.fixture
def glass(maren: Person, publish) -> str:
    """A collection of Maren's with a public and a private repository; its address."""
    publish("maren/shown")
    publish("maren/hidden", private=True)
    form = maren.visit("/collections/new").form("/collections/new")
    assert "owner" not in form.fields
    page = maren.send(form, title="Glass & Light", description="What knows light.")
    assert page.address.startswith("/collections/maren/glass-light-0")
    for name in ("shown", "hidden"):
        page = add(maren, page.address, f"maren/{name}", note=f"A note on {name}")
        assert page.status == 200, page.text
    return page.address.partition("?")[0]


def add(who: Person, address: str, name: str, note: str = ""):
    (form,) = [
        one
        for one in who.visit(address).forms
        if one.action.endswith("/items") and one.fields.get("act") == "add"
    ]
    return who.send(form, name=name, note=note)


def item_form(who: Person, address: str, number: int):
    """The form of one thing in it, with no act chosen."""
    ids = []
    for form in who.visit(address).forms:
        if form.action.endswith("/items") and form.fields.get("item") not in (*ids, None):
            ids.append(form.fields["item"])
            last = form
        if len(ids) > number:
            break
    return last


def test_looking(glass, maren, person):
    page = maren.visit(glass)
    assert "/maren/shown" in page.links
    assert "/maren/hidden" in page.links
    assert " · Private" in page.text
    seen = person.visit(glass)
    assert "/maren/shown" in seen.links
    assert "/maren/hidden" not in seen.links
    assert "A note on shown" in seen.text
    assert "hidden" not in seen.text
    assert not [form for form in seen.forms if form.method == "post"]
    for address in ("/collections", "/collections?owner=maren", "/maren?tab=collections"):
        listed = person.visit(address)
        assert glass in listed.links
        assert "hidden" not in listed.text
    assert person.visit("/collections?owner=nobody").status == 404
    assert person.visit("/collections?cursor=x").status == 400
    assert person.visit("/collections?sort=x").status == 422


def test_changing(glass, maren, person):
    first = item_form(maren, glass, 0)
    page = maren.send(first, act="note", note="Better")
    assert "Better" in page.text
    second = item_form(maren, glass, 1)
    page = maren.send(second, act="up")
    places = [page.html.index(f"/maren/{name}") for name in ("hidden", "shown")]
    assert places == sorted(places)
    page = maren.send(second, act="remove")
    assert "/maren/hidden" not in page.links
    assert maren.send(second, act="remove").status == 404
    page = add(maren, glass, "maren/shown")
    assert page.status == 409
    assert "in the collection already" in page.text
    assert add(maren, glass, "maren/nothing").status == 404
    edit = maren.visit(f"{glass}/edit").form(f"{glass}/edit")
    assert edit.fields["title"] == "Glass & Light"
    assert maren.send(edit, title="").status == 422
    page = maren.send(edit, title="Water", private="yes")
    assert page.address.startswith("/collections/maren/water-0")
    # The old address leads to the new one; others see nothing of it.
    assert maren.visit(glass).address.startswith("/collections/maren/water-0")
    missing = glass[:-24] + "9".zfill(24)
    assert person.visit(glass).text == person.visit(missing).text
    assert "Water" not in person.visit("/collections").text
    assert "Water" not in person.visit("/maren").text
    address = page.address.partition("?")[0]
    page = maren.send(maren.visit(f"{address}/edit").form(f"{address}/delete"))
    assert page.address == "/collections?owner=maren"
    assert maren.visit(address).status == 404
    assert maren.visit("/maren/shown").status == 200


def test_votes(glass, maren):
    page = maren.send(maren.visit(glass).form(f"{glass}/upvote"))
    assert "Voted 1" in page.text
    page = maren.send(page.form(f"{glass}/upvote"))
    assert "Vote 0" in page.text


def test_others_change_nothing(glass, site, maren):
    nils = Person(site).sign_up("nils")
    assert nils.visit(f"{glass}/edit").status == 403
    vote = nils.visit(glass).form(f"{glass}/upvote")
    for action, fields in [
        ("items", {"act": "add", "name": "maren/shown"}),
        ("edit", {"title": "Mine"}),
        ("delete", {}),
    ]:
        vote.action = f"{glass}/{action}"
        assert nils.send(vote, **fields).status == 403, action
    assert "Glass & Light" in maren.visit(glass).text


def test_of_an_organisation(site, maren):
    site.token_of("maren", "write").post("organizations", json={"name": "studio"}).expect(201)
    form = maren.visit("/collections/new?owner=studio").form("/collections/new")
    assert form.fields["owner"] == "studio"
    page = maren.send(form, title="Ours")
    assert page.address.startswith("/collections/studio/ours-0")
    assert page.address in maren.visit("/studio?tab=collections").links
