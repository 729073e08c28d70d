"""Organisations on the site, by plain forms."""

import pytest

from support.person import Person

MEMBERS = "/organizations/studio/members"
SETTINGS = "/organizations/studio/settings"


@pytest.fixture
def nils(site) -> Person:
    return Person(site).sign_up("nils")


@pytest.fixture
def studio(maren: Person) -> Person:
    """Maren, who made an organisation."""
    form = maren.visit("/organizations/new").form("/organizations/new")
    page = maren.send(form, name="studio", display_name="The Studio")
    assert page.address == MEMBERS
    return maren


def test_making_one(studio, person, maren):
    mine = maren.visit("/settings/organizations")
    assert "/studio" in mine.links
    assert "admin" in mine.text
    profile = person.visit("/studio")
    assert "The Studio" in profile.text
    assert "1 member" in profile.text
    assert "/maren" in profile.links
    assert SETTINGS not in profile.links
    assert "/studio" in person.visit("/maren").links


def test_a_bad_name_is_told_at_its_field(maren):
    form = maren.visit("/organizations/new").form("/organizations/new")
    page = maren.send(form, name="maren", display_name="Kept")
    assert page.status == 409
    assert "is taken" in page.text
    assert page.form("/organizations/new").fields["display_name"] == "Kept"
    assert maren.send(form, name="settings").status == 422


def test_members(studio, nils, person):
    form = studio.visit(MEMBERS).form(MEMBERS)
    page = studio.send(form, name="nobody", role="read")
    assert page.status == 404
    assert "There is no account nobody" in page.text
    page = studio.send(form, name="nils", role="contributor")
    assert page.status == 200
    assert "That is changed" in page.text
    assert "contributor" in nils.visit(MEMBERS).text
    seen = person.visit(MEMBERS)
    assert "/nils" in seen.links
    assert "contributor" not in seen.text
    assert seen.forms == [form for form in seen.forms if form.method == "get"]
    # The member looks, and changes nothing.
    assert not [one for one in nils.visit(MEMBERS).forms if one.action == MEMBERS]
    forged = nils.visit("/settings/organizations").form("/settings/organizations/leave")
    forged.action = MEMBERS
    assert nils.send(forged, name="nils", role="admin").status == 403
    forged.action = f"{MEMBERS}/remove"
    assert nils.send(forged, name="maren").status == 403
    page = studio.visit(MEMBERS)
    (remove,) = [
        one
        for one in page.forms
        if one.action == f"{MEMBERS}/remove" and one.fields["name"] == "nils"
    ]
    assert "no member any more" in studio.send(remove).text
    assert "/nils" not in studio.visit(MEMBERS).links


def test_the_last_administrator_stays(studio):
    leave = studio.visit("/settings/organizations").form("/settings/organizations/leave")
    page = studio.send(leave)
    assert page.status == 409
    assert "needs an administrator" in page.text
    remove = studio.visit(MEMBERS).form(f"{MEMBERS}/remove")
    assert "needs an administrator" in studio.send(remove).text


def test_leaving(studio, nils):
    studio.send(studio.visit(MEMBERS).form(MEMBERS), name="nils", role="read")
    leave = nils.visit("/settings/organizations").form("/settings/organizations/leave")
    assert "You left" in nils.send(leave).text
    assert "/studio" not in nils.visit("/settings/organizations").links


def test_settings(studio, nils, person):
    page = studio.send(studio.visit(SETTINGS).form(SETTINGS), bio="We paint.", website="x")
    assert page.status == 422
    assert page.form(SETTINGS).fields["bio"] == "We paint."
    page = studio.send(page.form(SETTINGS), website="https://s.example")
    assert "The profile is saved" in page.text
    assert "We paint." in person.visit("/studio").text
    studio.send(studio.visit(MEMBERS).form(MEMBERS), name="nils", role="write")
    assert nils.visit(SETTINGS).status == 403
    assert "/login" in person.ask("GET", SETTINGS).headers["Location"]


def test_ending_it(studio, site, publish):
    site.token_of("maren", "write").post("repos", json={"owner": "studio", "name": "last"})
    delete = studio.visit(SETTINGS).form("/organizations/studio/delete")
    assert studio.send(delete, confirm="stud").status == 422
    page = studio.send(delete, confirm="studio")
    assert page.status == 422
    assert "has repositories" in page.text
    site.token_of("maren", "write").delete("repos/studio/last").expect(204)
    page = studio.send(delete, confirm="studio")
    assert "The organisation is deleted" in page.text
    assert studio.visit("/studio").status == 404


def test_publishing_under_its_name(studio, nils, site, weights):
    def wish(who: Person, to: str = ""):
        page = who.visit(f"/upload?to={to}" if to else "/upload")
        sent = who.send(page.form("/upload"), {"files": [("glass.safetensors", weights)]})
        return next(form for form in sent.forms if form.action.startswith("/upload/"))

    form = wish(studio)
    assert form.fields["owner"] == "maren"
    page = studio.send(form, owner="studio", name="glass", license="mit", title="Glass")
    assert page.address == "/studio/glass"
    again = wish(studio, "studio%2Fglass")
    assert (again.fields["owner"], again.fields["name"]) == ("studio", "glass")
    assert studio.send(again, title="Glass 2").address == "/studio/glass"
    # Who has no organisation has nothing to choose, and chooses nothing.
    own = wish(nils)
    assert "owner" not in own.fields
    page = nils.send(own, owner="studio", name="mine", license="mit", title="Mine")
    assert page.status == 403
    assert site.as_token(None).get("repos/studio/mine").status == 404
    assert nils.send(own, name="mine", license="mit", title="Mine").address == "/nils/mine"


def test_moving_a_repository(studio, publish, person):
    publish("maren/glass")
    form = studio.visit("/maren/glass/settings").form("/maren/glass/settings/name")
    assert form.fields["owner"] == "maren"
    page = studio.send(form, owner="studio", name="light")
    assert page.address.partition("?")[0] == "/studio/light/settings"
    assert person.visit("/maren/glass").address == "/studio/light"
    form = page.form("/studio/light/settings/name")
    assert studio.send(form, owner="nobody", name="light").status == 403
    assert person.visit("/studio/light").status == 200


def test_following(studio, nils, person):
    page = nils.visit("/studio")
    page = nils.send(page.form("/studio/followers"))
    assert page.address == "/studio"
    assert "1 follower" in page.text
    assert "Following" in page.text
    assert "/nils" in person.visit("/studio/followers").links
    assert "/studio" in person.visit("/nils/following").links
    page = nils.send(page.form("/studio/followers"))
    assert "0 followers" in page.text
    assert not [one for one in nils.visit("/nils").forms if one.action == "/nils/followers"]
    assert "/login?next=%2Fstudio" in person.visit("/studio").links
    assert person.visit("/nobody/followers").status == 404


def test_forms_want_their_token(studio, nils):
    body = b"name=nils&role=admin"
    kind = {"Content_Type": "application/x-www-form-urlencoded"}
    for address in (
        "/organizations/new",
        MEMBERS,
        f"{MEMBERS}/remove",
        SETTINGS,
        "/organizations/studio/delete",
        "/settings/organizations/leave",
        "/studio/followers",
        "/collections/new",
    ):
        assert studio.ask("POST", address, body, **kind).status == 403, address
    assert "/nils" not in studio.visit(MEMBERS).links
