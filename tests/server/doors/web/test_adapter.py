import pytest

from lorahub.adapters import StreamInspector
from lorahub_server.insight import service as insight
from lorahub_server.jobs import service as jobs
from lorahub_server.storage.keys import blob_key
from support.person import Person
from support.running import run_jobs


@pytest.fixture
def nils(site):
    return Person(site).sign_up("nils")


def inspect(site, content):
    """What a worker does with the file."""
    import hashlib

    inspector = StreamInspector(len(content))
    inspector.feed(content)
    with site.hub.db.write() as session:
        sha256 = hashlib.sha256(content).hexdigest()
        insight.record_inspection(session, sha256, inspector.finish())
        for job in jobs.list_jobs(session, states=["queued"], kind="inspect"):
            jobs.cancel(session, job.id)


def test_the_page_tells_how_to_use_it_and_what_it_is(maren, publish, person):
    publish("maren/glass")
    page = person.visit("/maren/glass")
    assert page.status == 200
    assert "The glass" in page.title
    for words in (
        "lorahub pull http://hub.test/maren/glass",
        "glasspaint",
        "Rank",
        "CC BY 4.0",
        "Use, change and sell; name the author.",
        "Paints with light.",
    ):
        assert words in page.text, words
    assert "/maren/glass/resolve/main/glass.safetensors?download=1" in page.links
    assert "/tags/style" in page.links


def test_facts_come_with_the_inspection(maren, publish, person, site, weights):
    publish("maren/glass")
    page = person.visit("/maren/glass")
    assert "Waiting for inspection" in page.text
    assert "AutoV2" not in page.text
    part = person.ask("GET", "/maren/glass/inspection", HX_Request="true")
    assert "Waiting for inspection" in part.text
    assert "<html" not in part.text
    inspect(site, weights)
    part = person.ask("GET", "/maren/glass/inspection", HX_Request="true")
    assert part.headers["hx-refresh"] == "true"
    page = person.visit("/maren/glass")
    for words in ("Verified", "Sound", "AutoV2", "BLAKE3"):
        assert words in page.text, words
    # Without scripts the part's address leads to the page.
    assert person.visit("/maren/glass/inspection").address == "/maren/glass"


def test_a_failed_inspection_is_tried_again_by_the_owner(maren, nils, publish, site):
    publish("maren/glass")
    with site.hub.db.write() as session:
        job = jobs.list_jobs(session, kind="inspect")[0]
        job.attempts = 4
        number, sha256 = job.id, job.args["sha256"]
    away = site.hub.store.local_path(blob_key(sha256))
    away.rename(away.with_suffix(".away"))
    run_jobs(site.hub.db, site.hub.store)
    reason = "The hub could not read or write the files it keeps."
    for address in ("", "/health", "/tree/main", "/commits/main"):
        page = nils.visit(f"/maren/glass{address}")
        assert "Inspection failed" in page.text, address
        assert "/maren/glass/health" in page.links
        assert "Being inspected" not in page.text, address
        assert not [form for form in page.forms if form.action.endswith("/inspection")]
        assert (reason in page.text) is (address in ("", "/health")), address
    assert site.token_of("nils", "read").get("repos/maren/glass").json()["health"] == "failed"
    maren.visit("/maren/glass/health").form("/maren/glass/inspection")
    form = maren.visit("/maren/glass").form("/maren/glass/inspection")
    assert nils.send(nils.visit("/settings").form("/settings"), csrf_token="x").status == 403
    away.with_suffix(".away").rename(away)
    page = maren.send(form)
    assert "Waiting for inspection" in page.text
    for address in ("", "/health", "/tree/main"):
        assert "Being inspected" in nils.visit(f"/maren/glass{address}").text, address
    with site.hub.db.read() as session:
        assert jobs.get_job(session, number).state == "queued"
    run_jobs(site.hub.db, site.hub.store)
    assert "Verified" in nils.visit("/maren/glass/tree/main").text


def test_a_conflict_between_card_and_weights_is_shown(maren, site, person):
    from support.bad_inputs import good

    card = b"---\nbase_model: black-forest-labs/FLUX.1-dev\n---\n# Glass\n"
    site.token_of("maren", "read", "write").publish(
        "maren/glass", {"a.safetensors": good(), "README.md": card}
    )
    details = person.visit("/maren/glass")
    if "Unknown base" not in details.text:
        assert "Card says FLUX.1" in details.text


def test_the_title_is_not_said_twice(maren, publish, person):
    publish("maren/glass", "---\nlicense: mit\n---\n# Glass *windows*\n\nText.\n\n## More\n")
    page = person.visit("/maren/glass")
    assert page.html.count("<h1") == 1
    assert "More" in page.text


def test_cards_lead_to_files_of_the_repository(maren, publish, person):
    publish("maren/glass", "# Glass\n\n[notes](notes.md) ![](a%20b.png)\n", notes_dot_md=b"Hello")
    page = person.visit("/maren/glass")
    assert "/maren/glass/blob/main/notes.md" in page.links
    assert person.visit("/maren/glass/blob/main/notes.md").status == 200
    revision = next(a for a in page.images if "/resolve/" in a).split("/")[4]
    assert len(revision) == 40


def test_a_pack_has_a_page_for_each_member(maren, publish, person):
    from support.inside import adapter

    publish(
        "maren/tarot", cards__fool_dot_safetensors=adapter(2), cards__sun_dot_safetensors=adapter(3)
    )
    page = person.visit("/maren/tarot")
    assert "3 adapters in this repository" in page.text
    assert "/maren/tarot?file=cards%2Fsun.safetensors" in page.links
    member = person.visit("/maren/tarot?file=cards%2Fsun.safetensors")
    assert "/maren/tarot/resolve/main/cards/sun.safetensors?download=1" in member.links
    assert "Pack of 3" in person.visit("/").text


def test_star_and_unstar(maren, nils, publish, person):
    publish("maren/glass")
    assert "/login?next=%2Fmaren%2Fglass" in person.visit("/maren/glass").links
    page = nils.send(nils.visit("/maren/glass").form("/maren/glass/star"))
    assert "Starred 1" in page.text
    page = nils.send(page.form("/maren/glass/star"))
    assert "Star 0" in page.text
    form = page.form("/maren/glass/star")
    body = f"csrf_token={form.fields['csrf_token']}&want=yes".encode()
    part = nils.ask(
        "POST",
        "/maren/glass/star",
        body,
        Content_Type="application/x-www-form-urlencoded",
        HX_Request="true",
    )
    assert part.status == 200
    assert 'aria-pressed="true"' in part.text
    assert "<html" not in part.text
    assert person.ask("POST", "/maren/glass/star").status in (400, 403)


def test_an_empty_repository_tells_how_to_fill_it(maren, site, person):
    site.token_of("maren", "read", "write").post("repos", json={"name": "bare"}).expect(201)
    assert "lorahub push ./my-adapter maren/bare" in maren.visit("/maren/bare").text
    assert "/upload?to=maren%2Fbare" in maren.visit("/maren/bare").links
    page = person.visit("/maren/bare")
    assert "Come back later" in page.text
    assert "/upload?to=maren%2Fbare" not in page.links


PAGES = (
    "",
    "/tree/main",
    "/blob/main/README.md",
    "/commits/main",
    "/settings",
    "/star",
    "/inspection",
)


@pytest.mark.parametrize("page", PAGES)
def test_private_looks_like_missing(maren, nils, publish, person, page):
    publish("maren/secret", private=True)
    method = "POST" if page == "/star" else "GET"

    def seen(who, name):
        answer = who.ask(method, f"/maren/{name}{page}")
        text = answer.text.replace(name, "NAME")
        headers = {k.lower(): v for k, v in answer.headers.items() if k.lower() != "x-request-id"}
        headers.pop("content-length", None)
        return answer.status, headers, text

    for who in (person, nils):
        status, headers, text = seen(who, "secret")
        assert (status, headers, text) == seen(who, "sEcre7")
        assert status in (400, 403, 404)


def test_what_was_deleted_leaves_a_page(maren, publish, person):
    publish("maren/glass")
    publish("maren/hidden", private=True)
    for name in ("glass", "hidden"):
        form = maren.visit(f"/maren/{name}/settings").form(f"/maren/{name}/settings/delete")
        page = maren.send(form, confirm=name)
        assert page.status == 200
        assert page.address == "/maren?done=deleted"
        assert "deleted" in page.text
    page = person.visit("/maren/glass/tree/main")
    assert page.status == 410
    assert "Deleted by its owner" in page.text
    assert "/maren" in page.links
    assert person.visit("/maren/hidden").status == 404


def test_a_renamed_one_is_found_under_its_old_name(maren, publish, person):
    publish("maren/glass")
    form = maren.visit("/maren/glass/settings").form("/maren/glass/settings/name")
    page = maren.send(form, name="windows")
    assert page.address == "/maren/windows/settings?done=name"
    assert "new name" in page.text
    assert person.visit("/maren/glass").address == "/maren/windows"
    page = person.visit("/maren/glass/blob/main/README.md?a=b")
    assert page.address == "/maren/windows/blob/main/README.md?a=b"
    assert person.visit("/maren/glass?file=x").address == "/maren/windows?file=x"


def test_settings_of_a_repository(maren, nils, publish, person):
    publish("maren/glass")
    publish("maren/taken")
    page = maren.visit("/maren/glass/settings")
    wrong = maren.send(page.form("/maren/glass/settings/name"), name="taken")
    assert wrong.status == 409
    assert "already" in wrong.text
    assert wrong.form("/maren/glass/settings/name").fields["name"] == "taken"
    assert maren.send(page.form("/maren/glass/settings/name"), name="a b").status == 422
    wrong = maren.send(page.form("/maren/glass/settings/delete"), confirm="something")
    assert wrong.status == 422
    assert "Type glass" in wrong.text
    assert person.visit("/maren/glass").status == 200
    page = maren.send(page.form("/maren/glass/settings/visibility"))
    assert "Only you see this repository" in page.text
    assert person.visit("/maren/glass").status == 404
    maren.send(page.form("/maren/glass/settings/visibility"))
    assert person.visit("/maren/glass").status == 200
    assert nils.visit("/maren/glass/settings").status == 403
    assert person.visit("/maren/glass/settings").address.startswith("/login?next=")


def test_others_change_nothing(maren, nils, publish):
    publish("maren/glass")
    token = nils.visit("/settings").form("/settings").fields["csrf_token"]
    for act, field in (
        ("name", "name=x"),
        ("visibility", "private=yes"),
        ("delete", "confirm=glass"),
    ):
        answer = nils.ask(
            "POST",
            f"/maren/glass/settings/{act}",
            f"csrf_token={token}&{field}".encode(),
            Content_Type="application/x-www-form-urlencoded",
        )
        assert answer.status == 403
    assert maren.visit("/maren/glass").status == 200


@pytest.mark.parametrize(
    "card", ["# Glass\n", "---\nlicense: mit\n---\n# Glass\n\n<!-- soon -->\n"]
)
def test_a_card_of_a_title_only_can_be_changed(maren, nils, publish, person, card):
    publish("maren/glass", card)
    assert "Edit card" in maren.visit("/maren/glass").text
    seen = nils.visit("/maren/glass")
    assert "Suggest a change" in seen.text
    assert "No card" not in seen.text
    assert 'class="prose"' not in seen.html
    assert nils.visit("/maren/glass/card").status == 200
    assert "Suggest a change" not in person.visit("/maren/glass").text


def test_one_without_a_card_gets_suggestions(maren, nils, publish):
    publish("maren/glass", "")
    seen = nils.visit("/maren/glass")
    assert "No card" in seen.text
    assert "Suggest one" in seen.text


def test_results_stand_beside_those_of_others(maren, publish, person):
    front = "---\nbase_model: some/base\nmodel-index:\n- name: x\n  results:\n  - dataset: {{type: a/b, name: Bench}}\n    metrics: [{{type: accuracy, value: {}, n: 100}}]\n---\n# {}\n"  # fmt: skip
    publish("maren/glass", front.format(0.5, "Glass"))
    publish("maren/stone", front.format(0.9, "Stone"))
    page = person.visit("/maren/glass")
    assert "Accuracy on Bench" in page.text
    assert "0.500 0.404 to 0.596" in page.text
    assert "0.900 0.826 to 0.945" in page.text
    assert "/maren/stone" in page.links
    assert page.html.count('class="interval own"') == 1


def test_the_menu_offers_what_can_be_made(maren, publish, person):
    publish("maren/glass", "---\nlicense: mit\nstrength: 0.6-0.9\n---\n# Glass\n")
    page = person.visit("/maren/glass")
    assert "/maren/glass/variant/main/glass.safetensors?dtype=fp16" in page.links
    assert "Strength 0.6 to 0.9" in page.text
    assert page.text.index("Use it") < page.text.index("Facts")
