"""The pages of discussions and pull requests, without scripts."""

import pytest

from support import hf
from support.inside import adapter
from support.person import Person


@pytest.fixture
def nils(site):
    return Person(site).sign_up("nils")


@pytest.fixture
def glass(publish, maren):
    publish("maren/glass")
    return "/maren/glass"


def opened(page):
    """The number of the thread that a page shows."""
    return int(page.address.rpartition("/")[2])


def suggest(site, who="nils", files=None, **more):
    """Open a pull request as a program does; return its number."""
    token = site.token_of(who, "read", "write")
    lines = [hf.add(path, data) for path, data in (files or {"a.txt": b"one\n"}).items()]
    made = hf.commit(token, "maren/glass", *lines, query={"create_pr": "1"}, **more)
    return int(made.expect(200).json()["pullRequestUrl"].rpartition("/")[2])


def test_a_discussion_from_begin_to_end(glass, maren, nils, person):
    assert f"{glass}/discussions" in person.visit(glass).links
    assert person.visit(f"{glass}/discussions/new").address.startswith("/login")
    form = nils.visit(f"{glass}/discussions/new").form(f"{glass}/discussions")
    page = nils.send(form, title=" Which  strength? ", description="At **1.0** it burns.")
    assert page.address == f"{glass}/discussions/1"
    assert "Which strength? #1" in page.text
    assert "<strong>1.0</strong>" in page.html
    page = maren.visit(page.address)
    page = maren.send(page.form(f"{page.address}/comment"), comment="Take 0.7.")
    assert "Take 0.7." in page.text
    # Nils may edit only what he said himself.
    mine = nils.visit(page.address)
    edits = [link for link in mine.links if "edit=" in link]
    assert len(edits) == 1
    editing = nils.visit(edits[0].partition("#")[0])
    action = next(
        f.action for f in editing.forms if "/comment/" in f.action and "hide" not in f.action
    )
    edited = nils.send(editing.form(action), text="At 1.0 it glows.")
    assert "it glows" in edited.text
    assert "it burns" in edited.text  # what it said before can be looked up
    listed = person.visit(f"{glass}/discussions")
    assert f"{glass}/discussions/1" in listed.links
    closing = nils.visit(page.address).form(f"{page.address}/comment")
    closing.action = f"{page.address}/status"
    closed = nils.send(closing, status="closed", comment="Thanks")
    assert "Thanks" in closed.text
    assert "closed it" in closed.text
    assert f"{glass}/discussions/1" not in person.visit(f"{glass}/discussions").links
    assert f"{glass}/discussions/1" in person.visit(f"{glass}/discussions?status=closed").links


def test_the_owner_hides_and_renames(glass, maren, nils, person):
    form = nils.visit(f"{glass}/discussions/new").form(f"{glass}/discussions")
    at = nils.send(form, title="Spam", description="Buy this").address
    page = maren.visit(at)
    hide = next(form for form in page.forms if form.action.endswith("/hide"))
    page = maren.send(hide)
    assert "Buy this" not in person.visit(at).html
    assert "hidden" in page.text
    page = maren.send(page.form(f"{at}/title"), title="Nothing")
    assert "changed the title from Spam to Nothing" in page.text


def test_a_pull_request_is_looked_at_and_merged(site, glass, maren, nils, person):
    maren.send(
        maren.visit(f"{glass}/card?as=text").form(f"{glass}/card"),
        text="---\nlicense: mit\n---\n# Glass\n\nOld words.\n",
    )
    num = suggest(
        site,
        files={
            "README.md": b"---\nlicense: apache-2.0\n---\n# Glass\n\nNew <words>.\n",
            "a.txt": b"one\n",
        },
        summary="Better words",
    )
    at = f"{glass}/discussions/{num}"
    seen = person.visit(at)
    assert "2 files changed" in seen.text
    assert "license mit apache-2.0" in seen.text
    assert "New &lt;words&gt;." in seen.html
    assert "It can be merged into main" in seen.text
    assert not seen.forms or all("/merge" not in form.action for form in seen.forms)
    assert "/merge" not in nils.visit(at).html.replace("icons.svg", "")
    merged = maren.send(maren.visit(at).form(f"{at}/merge"))
    assert "Merged" in merged.text
    assert "2 files changed" in merged.text
    assert "New" in person.visit(glass).text


def test_what_was_not_seen_is_not_merged(site, glass, maren, nils):
    num = suggest(site)
    at = f"{glass}/discussions/{num}"
    form = maren.visit(at).form(f"{at}/merge")
    token = site.token_of("nils", "read", "write")
    hf.commit(token, "maren/glass", hf.add("evil", b"x"), branch=f"refs%2Fpr%2F{num}").expect(200)
    page = maren.send(form)
    assert page.status == 409
    assert "has changed. Look at it again" in page.text
    assert maren.send(page.form(f"{at}/merge")).status == 200


def test_a_conflict_is_told(site, glass, maren, nils):
    num = suggest(site, files={"a.txt": b"nils\n"})
    owner = site.token_of("maren", "read", "write")
    hf.commit(owner, "maren/glass", hf.add("a.txt", b"maren\n")).expect(200)
    page = maren.visit(f"{glass}/discussions/{num}")
    assert "Both sides changed a.txt" in page.text
    assert all("/merge" not in form.action for form in page.forms)


def test_a_draft_has_the_commands(glass, nils):
    form = nils.visit(f"{glass}/discussions/new").form(f"{glass}/discussions")
    page = nils.send(form, title="Later", description="x", kind="pull_request")
    assert "HEAD:refs/pr/1" in page.text
    assert "Draft" in page.text
    ready = page.form(f"{page.address}/status")
    assert "main has everything" in nils.send(ready).text


def test_adapters_are_compared(site, glass, maren, nils):
    token = site.token_of("nils", "read", "write")
    oid = hf.send(token, "maren/glass", adapter(9, rank=4))
    made = hf.commit(
        token, "maren/glass", hf.large("glass.safetensors", oid), query={"create_pr": "1"}
    ).expect(200)
    num = made.json()["pullRequestUrl"].rpartition("/")[2]
    page = nils.visit(f"{glass}/discussions/{num}")
    assert "Rank 2" in page.text
    assert "Rank 4" in page.text
    assert "git-lfs.github.com" not in page.html


def test_a_reader_suggests_another_card(glass, maren, nils, person):
    assert f"{glass}/card" in nils.visit(glass).links
    assert f"{glass}/card" not in person.visit(glass).links
    form = nils.visit(f"{glass}/card?as=text").form(f"{glass}/card")
    before = maren.visit(glass).title
    page = nils.send(form, text="# Other", message="A better name")
    assert "A better name #1" in page.text
    assert maren.visit(glass).title == before
    maren.send(maren.visit(page.address).form(f"{page.address}/merge"))
    assert "Other" in person.visit(glass).title


def test_wrong_input_is_told_and_kept(glass, maren):
    form = maren.visit(f"{glass}/discussions/new").form(f"{glass}/discussions")
    page = maren.send(form, title=" ", description="Long text")
    assert page.status == 422
    assert page.form(f"{glass}/discussions").fields["description"].strip() == "Long text"
    assert "The title is empty" in page.text
    page = maren.send(page.form(f"{glass}/discussions"), title="x", description=" ")
    assert 'maxlength="32768" aria-invalid="true"' in page.html
    at = maren.send(page.form(f"{glass}/discussions"), title="x", description="y").address
    page = maren.send(maren.visit(at).form(f"{at}/comment"), comment=" ")
    assert page.status == 422
    assert "The comment is empty" in page.text


@pytest.mark.parametrize("num", ["0", "99", "x", "٣", "9" * 30, "-1"])
def test_numbers_that_are_none(glass, person, num):
    from urllib.parse import quote

    assert person.visit(f"{glass}/discussions/{quote(num)}").status == 404


def test_private_ones_are_not_there(publish, maren, nils):
    publish("maren/secret", private=True)
    form = maren.visit("/maren/secret/discussions/new").form("/maren/secret/discussions")
    at = maren.send(form, title="x", description="y").address
    seen = []
    for address in (at, at.replace("secret", "absent")):
        for rest in ("", "/..", "/../new"):
            where = {"": address, "/..": address.rpartition("/")[0]}.get(
                rest, address.rpartition("/")[0] + "/new"
            )
            seen.append((rest, nils.visit(where).status))
    assert {status for _, status in seen} == {404}
    assert nils.send(maren.visit(at).form(f"{at}/comment"), comment="x").status in {403, 404}


def test_a_form_from_elsewhere_changes_nothing(site, glass, maren):
    num = suggest(site, who="maren")
    at = f"{glass}/discussions/{num}"
    form = maren.visit(at).form(f"{at}/merge")
    form.fields["csrf_token"] = "0" * 96
    assert maren.send(form).status == 403
    assert "Merged" not in maren.visit(at).text


def test_markdown_of_strangers_runs_nothing(glass, nils):
    form = nils.visit(f"{glass}/discussions/new").form(f"{glass}/discussions")
    page = nils.send(form, title="<script>x</script>", description="<img src=x onerror=x>")
    assert "<script>x" not in page.html
    assert "onerror" not in page.html.replace("&lt;img src=x onerror=x&gt;", "")
