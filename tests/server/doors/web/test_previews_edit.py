"""The owner's forms of previews: prompts, base, cover, words, own pictures; and who may not."""

import re

import pytest

from lorahub_server.doors.web.previews_told import told
from lorahub_server.insight.previews import rendering
from lorahub_server.insight.previews import service as previews
from lorahub_server.kit import csrf
from lorahub_server.repos import service as repos
from support.galleries import add_base, hold_base, llama_adapter, pretend, publish, renders
from support.inside import Inside
from support.person import Person, multipart
from support.picture_files import picture, png, raw_png
from support.running import run_jobs

HERE = "/alice/style/previews"
MB = 1024 * 1024
A1111 = "a cat <b>\nNegative prompt: dogs\nSteps: 7, Sampler: Euler a, CFG scale: 6.5, Seed: 3"


@pytest.fixture
def hub(site):
    settings = site.hub.settings
    made = Inside(settings.database_url, settings.store_url, settings.data, make_tables=False)
    add_base(made)
    hold_base(made)
    yield made
    made.close()


@pytest.fixture
def alice(site, hub):
    hub.caller("alice")
    return Person(web=site.signed_in("alice"))


@pytest.fixture
def planned(hub, alice):
    publish(hub)
    pretend(hub)


@pytest.fixture
def empty(hub, alice):
    """A repository without an adapter; pictures may be added all the same."""
    hub.make_repo()


def shown(hub, name="style"):
    with hub.look() as tx:
        tx.caller = hub.caller("alice")
        return previews.gallery(tx, repos.get_repo(tx, "alice", name))


def send(person, address, files=None, **changes):
    return person.send(person.visit(HERE).form(address), files, **changes)


def upload(person, data, **changes):
    return send(person, f"{HERE}/upload", {"picture": [("mine.png", data)]}, **changes)


class TestPrompts:
    def test_the_hubs_stand_there_until_the_owner_has_own_ones(self, planned, hub, alice):
        form = alice.visit(HERE).form(f"{HERE}/prompts")
        used = shown(hub).used
        assert form.fields["prompt-0"] == used[0]["prompt"]
        assert form.fields["seed-0"] == str(used[0]["seed"])
        assert form.fields["prompt-5"] == ""
        assert "The hub chose these prompts." in alice.visit(HERE).text

    def test_own_ones_are_rendered_and_the_hubs_come_back(self, planned, hub, alice):
        nothing = {f"prompt-{number}": "" for number in range(6)}
        wanted = nothing | {"prompt-1": "a red\r\nstar", "negative-1": "blue", "seed-1": "7",
                            "prompt-4": "a heart", "seed-4": ""}  # fmt: skip
        page = send(alice, f"{HERE}/prompts", **wanted)
        assert page.status == 200
        assert shown(hub).prompts == [
            {"prompt": "a red\nstar", "negative": "blue", "seed": 7},
            {"prompt": "a heart", "negative": None, "seed": None},
        ]
        run_jobs(hub.db, hub.store)
        assert [one.prompt for one in shown(hub).samples] == ["a red\nstar", "a heart"]
        form = alice.visit(HERE).form(f"{HERE}/prompts")
        assert form.fields["negative-0"] == "blue"
        # Two rows to add more.
        assert form.fields["prompt-3"] == ""
        assert "prompt-4" not in form.fields
        send(alice, f"{HERE}/prompts", act="hub")
        assert shown(hub).prompts is None

    def test_a_seed_that_is_none_is_said_in_its_row(self, planned, hub, alice):
        for seed in ("x", "-1", "1.5", "9" * 19, "9" * 5000, "²"):
            page = send(alice, f"{HERE}/prompts", **{"seed-1": seed})
            assert page.status == 422
            assert page.text.count("A seed is a whole number") == 1
            assert page.html.count('aria-describedby="d-prompt-1"') == 1
            form = page.form(f"{HERE}/prompts")
            assert form.fields["seed-1"] == seed
            assert form.fields["prompt-0"]
        assert shown(hub).prompts is None

    def test_none_at_all_is_refused(self, planned, hub, alice):
        page = send(alice, f"{HERE}/prompts", **{f"prompt-{number}": " " for number in range(6)})
        assert page.status == 422
        assert "There are 1 to 6 prompts" in page.text
        assert shown(hub).prompts is None

    def test_one_that_is_too_long_is_refused(self, planned, hub, alice):
        page = send(alice, f"{HERE}/prompts", **{"prompt-0": "x" * 2001})
        assert page.status == 422
        assert "A prompt is a text of 1 to 2000 characters." in page.text


class TestBase:
    def test_the_owner_chooses_among_those_that_are_held(self, planned, hub, alice):
        add_base(hub, "second")
        add_base(hub, "nobodys")
        add_base(hub, "other", family="sdxl")
        hold_base(hub, "second", digest="e" * 64)
        hold_base(hub, "other", digest="f" * 64)
        form = alice.visit(HERE).form(f"{HERE}/base")
        assert form.options["base"] == ["", "tiny", "second"]
        send(alice, f"{HERE}/base", base="second")
        run_jobs(hub.db, hub.store)
        assert shown(hub).base.id == "second"
        assert alice.visit(HERE).form(f"{HERE}/base").fields["base"] == "second"
        for wrong in ("other", "nobodys", "x" * 5000):
            page = send(alice, f"{HERE}/base", base=wrong)
            assert page.status == 422
            assert "No worker holds such a base model" in page.text
        assert shown(hub).chosen_base == "second"
        send(alice, f"{HERE}/base", base="")
        assert shown(hub).chosen_base is None

    def test_one_that_is_gone_stays_chosen_and_is_said(self, planned, hub, alice):
        add_base(hub, "second")
        hold_base(hub, "second", digest="e" * 64)
        send(alice, f"{HERE}/base", base="second")
        hold_base(hub, "second", digest="e" * 64, ago_s=3600)
        assert "second (no worker holds it now)" in alice.visit(HERE).text
        assert send(alice, f"{HERE}/base").status == 200
        assert shown(hub).chosen_base == "second"


class TestEach:
    def test_words_rating_and_cover(self, planned, hub, alice):
        first, second = shown(hub).samples[:2]
        address = f"{HERE}/{second.id}"
        send(alice, address, act="save", caption="Look <here>", maturity="soft")
        found = shown(hub).samples[1]
        assert (found.caption, found.maturity, found.rated_by) == ("Look <here>", "soft", "owner")
        assert shown(hub).cover.id == first.id
        send(alice, address, act="cover")
        assert shown(hub).cover.id == second.id
        # Lists show the cover to everybody.
        send(alice, address, act="save", maturity="explicit")
        assert shown(hub).cover.id == first.id
        page = send(alice, address, act="cover")
        assert page.status == 422
        assert "Lists show the cover to all" in page.text
        send(alice, f"{HERE}/cover")
        assert shown(hub).cover.id == first.id

    def test_a_caption_alone_leaves_a_guess_a_guess(self, planned, hub, alice):
        first = shown(hub).samples[0]
        send(alice, f"{HERE}/{first.id}", act="save", caption="Mine")
        assert shown(hub).samples[0].rated_by == first.rated_by == "none"

    def test_what_is_wrong_stands_in_its_form(self, planned, hub, alice):
        first = shown(hub).samples[0]
        address = f"{HERE}/{first.id}"
        for wrong in ({"caption": "x" * 301}, {"maturity": "wild"}):
            page = send(alice, address, act="save", **{"caption": "fine", **wrong})
            assert page.status == 422
            assert "<details open" in page.html
            assert page.form(address).fields["caption"] == {"caption": "fine", **wrong}["caption"]
        assert shown(hub).samples[0].caption == first.caption

    def test_uploads_are_removed_and_rendered_ones_are_not(self, planned, hub, alice):
        upload(alice, picture())
        number = shown(hub).uploaded[0].id
        page = send(alice, f"{HERE}/{number}", act="remove")
        assert (page.status, shown(hub).uploaded) == (200, [])
        first = shown(hub).samples[0].id
        page = send(alice, f"{HERE}/{first}", act="remove")
        assert page.status == 409
        assert "Change the prompts" in page.text

    def test_ids_of_others_are_none(self, planned, hub, alice):
        publish(hub, "other")
        pretend(hub)
        theirs = shown(hub, "other").samples[0].id
        form = alice.visit(HERE).form(f"{HERE}/cover")
        for number in (theirs, 999_999, 10**30):
            for act in ("save", "cover", "remove"):
                form.action = f"{HERE}/{number}"
                assert alice.send(form, act=act, caption="x").status == 404
        assert shown(hub, "other").samples[0].caption == ""


class TestUpload:
    def test_a_picture_with_words_and_what_it_says(self, empty, hub, alice, person):
        data = png({"parameters": A1111}, size=(50, 40))
        page = upload(alice, data, caption="A cat", maturity="none")
        (one,) = shown(hub).uploaded
        assert page.address == f"{HERE}/{one.id}"
        assert (one.caption, one.maturity, one.account) == ("A cat", "none", "alice")
        for seen in (page, person.visit(f"{HERE}/{one.id}")):
            for words in ("What the file says", "a cat <b>", "dogs", "Euler a", "6.5"):
                assert words in seen.text
        assert person.ask("GET", f"{HERE}/{one.id}.png").body == data

    def test_larger_ones_than_other_forms_take(self, empty, hub, alice):
        upload(alice, raw_png((b"prIV", b"\0" * (11 * MB))))
        assert len(shown(hub).uploaded) == 1

    @pytest.mark.parametrize(
        ("data", "status", "words"),
        [
            (b"<svg/>", 422, "PNG"),
            (b"", 422, "PNG"),
            (b"\x89PNG\r\n\x1a\n" + b"\0" * (21 * MB), 413, "at most 20 MB"),
        ],
    )
    def test_what_is_wrong_is_said_in_the_form(self, empty, hub, alice, data, status, words):
        page = upload(alice, data, caption="Kept <words>", maturity="soft")
        assert page.status == status
        assert words in page.text
        assert 'role="alert"' in page.html
        form = page.form(f"{HERE}/upload")
        assert (form.fields["caption"], form.fields["maturity"]) == ("Kept <words>", "soft")
        assert list(hub.store.list("pictures/")) == []

    def test_no_file_and_bad_words(self, empty, hub, alice):
        page = send(alice, f"{HERE}/upload")
        assert page.status == 400
        assert "No picture was chosen" in page.text
        assert upload(alice, picture(), maturity="wild").status == 422
        assert upload(alice, picture(), caption="x" * 301).status == 422
        assert alice.ask("POST", f"{HERE}/upload", b"x").status == 400
        assert shown(hub).uploaded == []

    def test_one_that_breaks_off_leaves_nothing(self, empty, hub, alice):
        form = alice.visit(HERE).form(f"{HERE}/upload")
        kind, body = multipart(form.fields, {"picture": [("mine.png", picture())]})
        answer = alice.ask("POST", f"{HERE}/upload", body[:-60], Content_Type=kind)
        assert answer.status == 400
        assert list(hub.store.list("pictures/")) == []


def every_form(number):
    return ("prompts", "base", "cover", "upload", str(number))


class TestWhoMay:
    def sent(self, person, address, token, **headers):
        fields = {"csrf_token": token, "act": "save", "caption": "Mine", "prompt-0": "a star"}
        kind, body = multipart(fields, {"picture": [("mine.png", picture(seed=9))]})
        return person.ask("POST", address, body, Content_Type=kind, **headers)

    def test_only_who_may_write(self, planned, hub, alice, site, person):
        site.add_account("bob")
        bob = Person(web=site.signed_in("bob"))
        number = shown(hub).samples[0].id
        for caller in (bob, person):
            page = caller.visit(HERE)
            assert "Add a picture" not in page.text
            assert not [one for one in page.forms if one.action.startswith(HERE)]
        before = shown(hub)
        theirs = bob._web.headers[csrf.HEADER]
        anonymous = person.visit("/login").form("/login").fields["csrf_token"]
        for rest in every_form(number):
            assert self.sent(bob, f"{HERE}/{rest}", theirs).status == 403
            assert self.sent(person, f"{HERE}/{rest}", anonymous).status in (303, 401)
        assert shown(hub) == before

    def test_tokens_that_only_read_do_not_write(self, planned, hub, site, person):
        reader = site.token_of("alice", "read")
        ours = person.visit("/login").form("/login").fields["csrf_token"]
        before = shown(hub)
        for rest in every_form(before.samples[0].id):
            answer = self.sent(
                person, f"{HERE}/{rest}", ours, Authorization=f"Bearer {reader.token}"
            )
            assert answer.status == 403
        assert shown(hub) == before

    def test_other_sites_do_not(self, planned, hub, alice):
        before = shown(hub)
        for rest in every_form(before.samples[0].id):
            ours = alice._web.headers[csrf.HEADER]
            for token, headers in (
                ("", {}),
                ("0" * 96, {}),
                (ours, {"Origin": "http://evil.test"}),
                (ours, {"Sec_Fetch_Site": "cross-site"}),
            ):
                assert self.sent(alice, f"{HERE}/{rest}", token, **headers).status == 403
        assert shown(hub) == before
        assert self.sent(alice, f"{HERE}/cover", alice._web.headers[csrf.HEADER]).status == 303

    def test_private_ones_look_like_missing_ones(self, planned, hub, alice, site):
        site.add_account("bob")
        bob = Person(web=site.signed_in("bob"))
        number = shown(hub).samples[0].id
        site.token_of("alice", "read", "write").patch("repos/alice/style", json={"private": True})
        ours = bob._web.headers[csrf.HEADER]
        for rest in every_form(number):
            for token in (ours, ""):
                there = self.sent(bob, f"{HERE}/{rest}", token)
                absent = self.sent(bob, f"/alice/absent/previews/{rest}", token)
                assert there.status == absent.status
                # An upload is asked for its rights before its form is read.
                assert there.status == (404 if token or rest == "upload" else 403)
        assert bob.visit(HERE).status == 404


class TestTexts:
    @pytest.fixture
    def written(self, hub, alice):
        add_base(hub, "words", family="llama", task="text")
        hold_base(hub, "words", digest="a" * 64)
        publish(hub, data=llama_adapter())
        for number, (key, one) in enumerate(sorted(renders(hub).items())):
            who = "adapter" if one.recipe["adapters"] else "base"
            with hub.tx() as tx:
                rendering.record_text(tx.session, key, f"The {who} says <{number}>", {})

    def test_their_own_page_shows_the_base_too(self, written, hub, person):
        one = shown(hub).texts[0]
        page = person.visit(f"{HERE}/{one.id}")
        assert "Base alone" in page.text
        assert one.base.text.startswith("The base says")
        assert one.base.text in page.text
        assert one.text in page.text

    def test_mature_ones_open_on_a_click(self, written, hub, alice, person):
        one = shown(hub).texts[0]
        assert "covered" not in person.visit(f"{HERE}/{one.id}").html
        send(alice, f"{HERE}/{one.id}", act="save", maturity="mature")
        for address in (HERE, f"{HERE}/{one.id}", "/alice/style"):
            html = re.sub("</?mark>", "", person.visit(address).html)
            before, _, after = html.partition('<details class="covered">')
            assert "Rated mature. Show it" in after.partition("</details>")[0]
            escaped = one.text.replace("<", "&lt;").replace(">", "&gt;")
            assert escaped in after.partition("</details>")[0]
            assert escaped not in before
            assert html.count(escaped) == 1

    def test_a_negative_prompt_is_not_asked_for(self, written, alice):
        form = alice.visit(HERE).form(f"{HERE}/prompts")
        assert "negative-0" not in form.fields
        assert "seed-0" in form.fields


def test_what_files_say_is_bounded():
    given = {f"key{number}": "x" * 10_000 for number in range(500)}
    found = told({"tool": "comfyui", "workflow": True, "seed": 0, **given})
    assert ("Program", "ComfyUI") in found
    assert ("Seed", "0") in found
    assert len(found) <= 40
    assert all(len(text) <= 4000 for _, text in found)
    assert told(None) == told({"workflow": False, "negative": ""}) == []
