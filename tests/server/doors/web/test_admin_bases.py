"""The administrators' page of base models."""

import pytest

from lorahub_server.accounts.service import get_account
from lorahub_server.insight.bases import service
from support.person import Page, Person


@pytest.fixture
def admin(site) -> Person:
    person = Person(site).sign_up("rootling")
    with site.hub.db.write() as session:
        get_account(session, "rootling").is_admin = True
    return person


WISH = {"id": "sd15", "family": "sd1", "source": "/models/sd15", "steps": "25"}


def add(person: Person, **change: str) -> Page:
    form = person.visit("/admin/bases").form("/admin/bases")
    return person.send(form, **WISH | change)


def test_a_base_is_registered_turned_off_and_removed(admin: Person) -> None:
    assert "nothing is rendered" in admin.visit("/admin/bases").text
    page = add(admin)
    assert "Workers look for it" in page.text
    assert "No worker holds it" in page.text
    assert "Base models" in admin.visit("/").text
    page = admin.send(page.form("/admin/bases/sd15/state"))
    assert "The base model is off" in page.text
    page = admin.send(page.form("/admin/bases/sd15/remove"))
    assert "/models/sd15" not in page.text


def test_what_is_wrong_stands_in_the_form(admin: Person) -> None:
    page = add(admin, family="sdxxl")
    assert (page.status, "there is no such family" in page.text) == (422, True)
    page = add(admin, source="nowhere")
    assert (page.status, "a source is an absolute path" in page.text) == (422, True)
    add(admin)
    page = add(admin)
    assert (page.status, "There is a base model" in page.text) == (409, True)


def test_others_see_nothing_of_it(site, admin: Person) -> None:
    page = add(admin)
    bob = Person(site).sign_up("bob")
    assert bob.visit("/admin/bases").status == 403
    assert "/admin/bases" not in bob.visit("/").html
    own = bob.visit("/settings").form("/logout").fields["csrf_token"]
    page.form("/admin/bases/sd15/remove").fields["csrf_token"] = own
    assert bob.send(page.form("/admin/bases/sd15/remove")).status == 403
    assert "/models" not in Person(site).visit("/admin/bases").text
    assert "/models/sd15" in admin.visit("/admin/bases").text


def test_who_holds_it_is_told(site, admin: Person) -> None:
    add(admin)
    add(admin, id="words", family="llama")
    with site.hub.db.write() as session:
        told = {"digest": "abcdef0123" + "d" * 54, "device": "cuda NVIDIA L4", "dtype": "fp16"}
        service.advertise(session, "sd15", "studio:7", **told)
    page = admin.visit("/admin/bases")
    assert "studio:7 on cuda NVIDIA L4, weights abcdef0123" in page.text
    assert "25 steps" in page.text
    assert page.text.count("steps, ") == 1
    assert page.text.count("No worker holds it") == 1
    assert "lorahub-server worker --queue gpu" in page.text
