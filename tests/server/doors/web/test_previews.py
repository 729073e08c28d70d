"""What an adapter does, on pages: states, progress, one picture, the owner's switches."""

import pytest

from lorahub_server.insight.previews import service as previews
from lorahub_server.jobs.tables import Job
from lorahub_server.repos import service as repos
from support.galleries import add_base, hold_base, pretend, publish, render_jobs
from support.inside import Inside
from support.person import Person

HERE = "/alice/style/previews"


@pytest.fixture
def hub(site):
    settings = site.hub.settings
    made = Inside(settings.database_url, settings.store_url, settings.data, make_tables=False)
    add_base(made)
    yield made
    made.close()


@pytest.fixture
def alice(site, hub):
    hub.caller("alice")
    return Person(web=site.signed_in("alice"))


@pytest.fixture
def planned(hub, alice):
    hold_base(hub)
    publish(hub)


def first_ids(hub):
    with hub.look() as tx:
        found = previews.gallery(tx, repos.get_repo(tx, "alice", "style"))
        return [one.id for one in found.samples]


def first_id(hub):
    return first_ids(hub)[0]


def test_pictures_come_beside_the_base_alone(planned, hub, person):
    pretend(hub)
    for address in ("/alice/style", HERE):
        page = person.visit(address)
        assert "What it does" in page.text
        assert "By strength" in page.text
        number = first_id(hub)
        assert f"{HERE}/{number}/small" in page.images
        assert f"{HERE}/{number}/base/small" in page.images
        assert "Rendering" not in page.text
    assert f'content="http://hub.test{HERE}/{number}.png"' in person.visit("/alice/style").html


def test_progress_is_told_while_it_is_made(planned, hub, person):
    page = person.visit(HERE)
    assert "Waiting for a worker: 0 of" in page.text
    with hub.tx() as tx:
        job = tx.session.get(Job, render_jobs(hub)[0].id)
        job.state, job.progress = "running", {"done": 3, "total": 40, "note": "drawing"}
    part = person.ask("GET", f"{HERE}/live?seen=0", HX_Request="true")
    assert "Step 3 of 40" in part.text
    assert "<html" not in part.text
    assert "hx-retarget" not in part.headers
    pretend(hub)
    part = person.ask("GET", f"{HERE}/live?seen=0", HX_Request="true")
    assert part.headers["hx-retarget"] == "#previews"
    assert "hx-get" not in part.text
    assert person.ask("GET", f"{HERE}/live").status == 303


def test_no_base_is_said(hub, alice, person):
    publish(hub)
    assert "No worker of this hub holds a base model" in person.visit("/alice/style").text


def test_one_picture_says_how_to_make_it_again(planned, hub, person):
    pretend(hub)
    number = first_id(hub)
    page = person.visit(f"{HERE}/{number}")
    recipe = f"http://hub.test/api/hub/v1/repos/alice/style/previews/{number}/recipe"
    assert f"lorahub-worker render {recipe}" in page.text
    assert f"{HERE}/{number + 1}" in page.links
    assert "d" * 64 in page.text
    for wrong in ("999999", "9" * 30, "x"):
        assert person.ask("GET", f"{HERE}/{wrong}").status == 404


def test_the_owner_stops_resumes_and_turns_off(planned, hub, alice, person):
    page = alice.visit(HERE)
    alice.send(page.form(f"{HERE}/cancel"))
    page = alice.visit(HERE)
    assert "Somebody stopped the rendering." in page.text
    alice.send(page.form(f"{HERE}/render"))
    assert "Waiting for a worker" in alice.visit(HERE).text
    alice.send(alice.visit(HERE).form(f"{HERE}/turn"))
    assert "The owner wants no rendered previews here." in person.visit(HERE).text
    assert "Turn previews" not in person.visit(HERE).text
    assert first_ids(hub) == []


def test_mature_pictures_open_on_a_click(planned, hub, person):
    pretend(hub)
    number = first_id(hub)
    with hub.tx() as tx:
        previews.rate(tx, repos.get_repo(tx, "alice", "style"), number, "explicit")
    page = person.visit(f"{HERE}/{number}")
    assert "Rated explicit. Show it" in page.text


def test_the_tab_is_there_where_it_leads_somewhere(hub, alice, person):
    publish(hub)
    assert ">Previews</a>" in alice.visit("/alice/style").html
    assert 'aria-current="page">Previews</a>' in alice.visit(HERE).html
    with hub.tx() as tx:
        previews.remove_all(tx.session, repos.get_repo(tx, "alice", "style").id)
    assert ">Previews</a>" in alice.visit("/alice/style").html
    assert ">Previews</a>" not in person.visit("/alice/style").html
