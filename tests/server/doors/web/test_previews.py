"""What an adapter does, on pages: states, progress, one picture, the owner's switches."""

import pytest

from lorahub_server.insight.previews import rendering
from lorahub_server.insight.previews import service as previews
from lorahub_server.jobs.tables import Job
from lorahub_server.repos import service as repos
from support.galleries import (
    add_base,
    hold_base,
    llama_adapter,
    pretend,
    publish,
    render_jobs,
    renders,
    shapes_adapter,
)
from support.inside import Inside
from support.person import Person
from support.running import run_jobs

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


def samples(hub):
    with hub.look() as tx:
        return previews.gallery(tx, repos.get_repo(tx, "alice", "style")).samples


def first_ids(hub):
    return [one.id for one in samples(hub)]


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
    assert "Rendering: 0 of" in part.text
    assert 'value="0.075"' in part.text
    assert "<html" not in part.text
    assert "hx-retarget" not in part.headers
    pretend(hub)
    part = person.ask("GET", f"{HERE}/live?seen=0", HX_Request="true")
    assert part.headers["hx-retarget"] == "#previews"
    assert "hx-get" not in part.text
    assert person.ask("GET", f"{HERE}/live").status == 303


def test_no_base_is_said(hub, alice, person):
    publish(hub)
    text = person.visit("/alice/style").text
    assert "No worker of this hub holds a base model for Shapes (demo base), so" in text
    assert "family shapes" not in text


def test_what_is_refused_says_why(hub, alice, person):
    hold_base(hub)
    publish(hub, data=shapes_adapter(broken=True))
    for address in ("/alice/style", HERE):
        assert "a.safetensors is not rendered: it is damaged" in person.visit(address).text
        assert "There are no previews yet." not in person.visit(address).text
    # A sound file in its place ends it.
    hub.commit({"a.safetensors": hub.upload(shapes_adapter())}, "style")
    run_jobs(hub.db, hub.store)
    assert "is not rendered" not in person.visit(HERE).text
    assert "Not rendered yet" in person.visit(HERE).text


def test_what_failed_says_why_and_is_tried_again(planned, hub, alice, person):
    first, *others = [one.made.id for one in samples(hub)]
    with hub.tx() as tx:
        rendering.record_failure(tx.session, first, "does_not_fit", "Its widths do not <fit>.")
    pretend(hub, *others)
    page = person.visit(HERE)
    assert "Its widths do not &lt;fit&gt;." in page.html
    one = person.visit(f"{HERE}/{first_id(hub)}")
    assert "Its widths do not &lt;fit&gt;." in one.html
    assert "Try again" not in page.text
    alice.send(alice.visit(HERE).form(f"{HERE}/render"))
    assert "Its widths" not in person.visit(HERE).text
    assert samples(hub)[0].state == "waiting"


def test_a_job_that_ended_badly_says_why(planned, hub, alice, person):
    with hub.tx() as tx:
        job = tx.session.get(Job, render_jobs(hub)[0].id)
        job.state, job.due_at = "parked", None
        job.error_code, job.error_message = "base_gone", "The base was taken away."
    page = person.visit(HERE)
    assert "The base was taken away." in page.text
    assert "hx-get" not in page.html
    alice.send(alice.visit(HERE).form(f"{HERE}/render"))
    assert "Waiting for a worker" in person.visit(HERE).text


def test_only_who_may_have_the_files_is_told_how_to_make_it_again(planned, hub, alice, person):
    pretend(hub)
    with hub.tx() as tx:
        repos.set_gated(tx, repos.get_repo(tx, "alice", "style"), "manual")
    page = person.visit(f"{HERE}/{first_id(hub)}")
    assert f"{HERE}/{first_id(hub)}.png" in page.images
    assert "lorahub-worker render" not in page.text
    assert "lorahub-worker render" in alice.visit(f"{HERE}/{first_id(hub)}").text


def test_the_card_shows_a_choice_also_while_it_is_made(planned, hub, person):
    with hub.tx() as tx:
        job = tx.session.get(Job, render_jobs(hub)[0].id)
        job.state = "running"
    assert "on=card" in person.visit("/alice/style").html
    for tab, is_there in (("card", True), ("previews", False)):
        part = person.ask("GET", f"{HERE}/live?seen=x&on={tab}", HX_Request="true")
        assert ("All previews" in part.text) is is_there


def test_texts_are_marked_where_they_differ(hub, person):
    add_base(hub, "words", family="llama", task="text")
    hold_base(hub, "words", digest="a" * 64)
    publish(hub, data=llama_adapter())
    for key, one in renders(hub).items():
        told = "a whale & more" if one.recipe["adapters"] else "a plain fish & more"
        with hub.tx() as tx:
            rendering.record_text(tx.session, key, told, {})
    html = person.visit(HERE).html
    assert "a <mark>plain fish</mark> &amp; more" in html
    assert "a <mark>whale</mark> &amp; more" in html


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
