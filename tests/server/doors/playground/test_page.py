"""The page of the playground, used by somebody whose browser runs no scripts."""

import re

import pytest

from support import playing
from support.person import Person
from support.running import run_jobs

STYLE = "alice/style"
PAGE = f"/{STYLE}/playground"


@pytest.fixture
def person(site):
    return Person(site)


@pytest.fixture
def maren(site):
    """Somebody new, who signed in."""
    name = f"maren{next(playing._seeds)}"
    site.add_account(name)
    return signed_in(site, name)


def signed_in(site, name: str) -> Person:
    person = Person(site)
    cookies = site.signed_in(name).headers["Cookie"].split("; ")
    person.cookies = dict(one.split("=", 1) for one in cookies)
    return person


def latest(page) -> int:
    return int(re.findall(r"/playground/(\d+)/", page.html)[0])


def test_somebody_signed_out_sees_the_form_and_is_asked_to_sign_in(person):
    page = person.visit(PAGE)
    form = page.form("/login")
    assert form.fields["prompt"] == "glasspaint, a ship in the harbour"
    assert "Sign in to draw" in page.text
    assert "with The sd1 base" in page.text
    assert form.fields["next"] == PAGE
    assert not page.answer.headers.get("set-cookie")
    assert person.visit(f"/login?next={PAGE}").status == 200


def test_from_the_form_to_the_gallery(site, alice):
    owner = signed_in(site, "alice")
    page = owner.visit(PAGE)
    shown = owner.send(
        page.form(PAGE), prompt="glasspaint, a fox", strength="0.7", with1="bob/glow",
        weight1="0,5", seed="12", with_base="yes",
    )  # fmt: skip
    assert shown.status == 200
    assert "You are next" in shown.text
    assert "Look again" in shown.text
    play = latest(shown)
    playing.render(site, play)
    done = owner.visit(f"{PAGE}?play={play}")
    assert f"/api/hub/v1/plays/{play}/picture" in done.images
    assert f"/api/hub/v1/plays/{play}/base" in done.images
    assert "Look again" not in done.text
    # What was asked for stands in the form, to be changed.
    fields = done.form(PAGE).fields
    assert (fields["prompt"], fields["strength"], fields["seed"]) == (
        "glasspaint, a fox",
        "0.7",
        "12",
    )
    assert (fields["with1"], fields["weight1"]) == ("bob/glow/w.safetensors", "0.5")
    kept = owner.send(done.form(f"{PAGE}/{play}/keep"))
    assert "In the gallery" in kept.text
    gone = owner.send(kept.form(f"{PAGE}/{play}/delete"))
    assert gone.status == 200
    assert f"/plays/{play}/" not in gone.html


def test_words_stand_beside_the_base_s(site, maren):
    there = "/bob/poet/playground"
    form = maren.visit(there).form(there)
    assert not {"negative", "steps", "with_base"} & set(form.fields)
    shown = maren.send(form, prompt="Write about the sea.")
    assert shown.status == 200, shown.text
    play = latest(shown)
    playing.render(site, play, text="Grey <b>water</b>.")
    done = maren.visit(f"{there}?play={play}")
    assert done.text.count("Grey <b>water</b>.") >= 2
    assert "The base alone" in done.text
    assert "<b>water" not in done.html


def test_one_s_own_list(site, maren):
    page = maren.send(maren.visit(PAGE).form(PAGE), seed=str(next(playing._seeds)))
    play = latest(page)
    playing.render(site, play)
    kept = maren.send(maren.visit(f"{PAGE}?play={play}").form(f"{PAGE}/{play}/keep"))
    assert "In your list for good" in kept.text
    assert "Yours so far" in kept.text
    other = signed_in(site, "bob")
    assert other.visit(f"{PAGE}?play={play}").status == 404
    assert other.visit(f"{PAGE}/{play}", hx_request="true").status == 404
    assert "Yours so far" not in other.visit(PAGE).text


def test_the_part_that_changes_asks_for_itself_until_it_is_done(site, maren):
    page = maren.send(maren.visit(PAGE).form(PAGE), seed=str(next(playing._seeds)))
    play = latest(page)
    part = maren.visit(f"{PAGE}/{play}", hx_request="true")
    assert "<html" not in part.html
    assert f'hx-get="{PAGE}/{play}"' in part.html
    playing.set_job(site, play, state="running", progress={"done": 4, "total": 20})
    part = maren.visit(f"{PAGE}/{play}", hx_request="true")
    assert "4 of 20 steps" in part.text
    assert 'value="4" max="20"' in part.html
    playing.render(site, play)
    assert "hx-get" not in maren.visit(f"{PAGE}/{play}", hx_request="true").html
    # Without a script the address leads to the whole page.
    assert "Let it draw" in maren.visit(f"{PAGE}/{play}").text


def test_cancelled(site, maren):
    page = maren.send(maren.visit(PAGE).form(PAGE), seed=str(next(playing._seeds)))
    play = latest(page)
    page = maren.send(page.form(f"{PAGE}/{play}/cancel"))
    assert "You cancelled it" in page.text
    assert playing.job_of(site, play) is None


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"prompt": " "}, 422, "Write a prompt"),
        ({"strength": "much"}, 422, "This is no number"),
        ({"strength": "nan"}, 422, "A strength lies between"),
        ({"strength": "1e400"}, 422, "A strength lies between"),
        ({"seed": "-1"}, 422, "no whole number"),
        ({"seed": "9" * 19}, 422, "A seed is a whole number"),
        ({"steps": "1000"}, 422, "There are 1 to 60 steps"),
        ({"guidance": "inf"}, 422, "Guidance lies between"),
        ({"with2": "bob/other"}, 422, "so they don't work together"),
        ({"with1": "bob/hidden"}, 404, "or it is private"),
        ({"with1": "bob/gated"}, 403, "restricted"),
        ({"with1": "../../etc/passwd"}, 404, "or it is private"),
        ({"file": "no.safetensors"}, 409, "has no adapter file no.safetensors"),
    ],
)
def test_what_can_t_be_comes_back_with_the_form(maren, change, status, says):
    page = maren.send(maren.visit(PAGE).form(PAGE), negative="rain", **change)
    assert page.status == status
    assert says in page.text
    fields = page.form(PAGE).fields
    assert fields["negative"] == "rain"
    for name, value in change.items():
        if name in fields:
            assert fields[name].strip() == value.strip()


def test_places_are_told_at_their_field(maren):
    page = maren.send(maren.visit(PAGE).form(PAGE), with2="bob/other")
    assert re.search(r'id="f-with2"[^>]*aria-invalid="true"', page.html)
    assert not re.search(r'id="f-with1"[^>]*aria-invalid="true"', page.html)


def test_where_nothing_can_be_drawn_the_page_says_why(maren, person):
    for repo, says in (
        ("bob/other", "No worker of this hub holds a base model for SD 2"),
        ("bob/broken", "damaged"),
        ("bob/bare", "bob/bare has no adapter file"),
        ("bob/gated", "restricted"),
    ):
        for who in (maren, person):
            page = who.visit(f"/{repo}/playground")
            assert page.status == 200
            assert says in page.text, repo
        shown = maren.visit(f"/{repo}/playground").html
        assert re.search(r'class="button primary"\s+disabled', shown), repo


def test_a_tab_leads_there_where_the_hub_has_a_base(person):
    assert PAGE in person.visit(f"/{STYLE}").links
    assert PAGE in person.visit(f"/{STYLE}/health").links
    for repo in ("bob/other", "bob/bare"):
        assert f"/{repo}/playground" not in person.visit(f"/{repo}").links


def test_only_what_one_may_see_is_offered(site, maren):
    page = maren.visit(PAGE)
    assert 'value="bob/glow"' in page.html
    for name in ("bob/hidden", "alice/secret", "bob/other"):
        assert f'value="{name}"' not in page.html
    for typed in ("glow", "bob/glow", "hidden", "secret"):
        found = maren.visit(f"{PAGE}/adapters?with1={typed}").html
        assert "hidden" not in found
        assert "secret" not in found
        assert ("bob/glow" in found) == ("glow" in typed)
    alice = signed_in(site, "alice")
    assert "alice/secret" in alice.visit(f"{PAGE}/adapters?with2=secret").html
    assert 'value="alice/secret"' in alice.visit(PAGE).html


def test_what_an_organisation_hides_is_offered_to_its_members(site, alice):
    alice.post("organizations", json={"name": "studio"}).expect(201)
    card = b"---\nbase_model: runwayml/stable-diffusion-v1-5\n---\n# Inner"
    files = {"README.md": card, "w.safetensors": playing.adapter(77)}
    alice.publish("studio/inner", files, private=True)
    run_jobs(site.hub.db, site.hub.store)
    assert 'value="studio/inner"' in signed_in(site, "alice").visit(PAGE).html
    assert 'value="studio/inner"' not in signed_in(site, "bob").visit(PAGE).html


def test_another_site_s_form_asks_for_nothing(site, maren):
    form = maren.visit(PAGE).form(PAGE)
    assert maren.send(form, csrf_token="x" * 60).status == 403
    assert site.signed_in("alice").post(PAGE, body=b"prompt=x").status in (400, 403)
    hidden = maren.visit("/bob/hidden/playground")
    missing = maren.visit("/bob/absent/playground")
    assert (hidden.status, missing.status) == (404, 404)


@pytest.mark.parametrize("play", ["x", "-1", "9" * 30, "%00", "1e3", ""])
def test_nonsense_in_the_address(maren, play):
    assert maren.visit(f"{PAGE}?play={play}").status in ((400, 404) if play else (200,))
    assert maren.visit(f"{PAGE}/{play or 'x'}").status in (400, 404, 422)
    assert maren.visit(f"{PAGE}?after=nonsense").status == 400
