"""Pages of people and organisations: what they tell, pinned, did."""

import pytest

from support.inside import adapter
from support.person import Person

BAD = "<script>alert(1)</script>"


@pytest.fixture
def nils(site):
    return Person(site).sign_up("nils")


def save(person, **fields):
    return person.send(person.visit("/settings").form("/settings"), **fields)


def test_about_and_links(maren, person):
    page = save(
        maren,
        bio="Paints.",
        about=f"## Hello\n\nI *paint* with [nets](https://nets.example). {BAD}",
        links="https://a.example/maren\n\n  https://b.example/@m \nhttps://a.example/maren\n",
    )
    assert "The profile is saved" in page.text
    page = person.visit("/maren")
    assert "<em>paint</em>" in page.html
    assert BAD not in page.html
    assert [a for a in page.links if a.startswith("https://")] == [
        "https://a.example/maren", "https://b.example/@m", "https://nets.example",
    ]  # fmt: skip
    assert 'rel="nofollow ugc noopener noreferrer"' in page.html
    told = person.ask("GET", "/api/hub/v1/accounts/maren").json()
    assert told["links"] == ["https://a.example/maren", "https://b.example/@m"]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("links", "javascript:alert(1)", "begins with http"),
        ("links", "\n".join(f"https://{n}.example" for n in range(7)), "room for 6"),
        ("links", "https://" + "x" * 300, "shorten it"),
        ("about", "x" * 10_001, "shorten it"),
        ("about", "a\u202eb", "hidden characters"),
    ],
)
def test_what_is_wrong_stands_at_its_field(maren, field, value, words):
    page = save(maren, **{field: value})
    assert page.status == 422
    assert words in page.text
    assert page.form("/settings").fields[field] == value


def test_pinned(maren, nils, publish, person):
    for name in ("glass", "rain"):
        publish(f"maren/{name}")
    publish("maren/secret", private=True)
    form = maren.visit("/settings").form("/settings/pins")
    page = maren.send(form, pin1="secret", pin2="maren/Rain", pin3="rain")
    assert "What is pinned is saved" in page.text
    assert page.form("/settings/pins").fields["pin2"] == "rain"
    shown = person.visit("/maren")
    assert shown.text.index("Pinned") < shown.text.index("The rain")
    assert "secret" not in shown.html
    assert "The secret" in maren.visit("/maren").text
    for wrong in ("nobody", "nils/x", "<b>"):
        page = maren.send(form, pin1=wrong)
        assert page.status == 400
        assert "no repository of name 1" in page.text
        assert page.form("/settings/pins").fields["pin1"] == wrong
    # What moves away is pinned no more.
    maren.send(form, pin1="rain")
    settings = maren.visit("/maren/rain/settings").form("/maren/rain/settings/delete")
    maren.send(settings, confirm="rain")
    assert "Pinned" not in person.visit("/maren").text


def test_of_an_organisation_its_administrators_choose(maren, nils, site, person):
    maren.send(maren.visit("/organizations/new").form("/organizations/new"), name="studio")
    site.token_of("maren", "read", "write").publish(
        "studio/glass", {"README.md": b"# Studio glass\n", "g.safetensors": adapter(3)}
    )
    settings = "/organizations/studio/settings"
    maren.send(maren.visit(settings).form(settings), about="We *paint*.", links="https://s.example")
    maren.send(maren.visit(settings).form(f"{settings}/pins"), pin1="glass")
    page = person.visit("/studio")
    assert "Pinned" in page.text
    assert "<em>paint</em>" in page.html
    assert "1 member" in page.text
    assert "Made 2 commits in studio/glass" in person.visit("/studio?tab=activity").text
    assert nils.visit(settings).status == 403


def test_activity_tells_what_the_viewer_may_see(maren, nils, publish, site, person):
    publish("maren/glass")
    publish("maren/secret", private=True)
    api = site.token_of("nils", "read", "write")
    api.put("repos/maren/glass/star").expect(200)
    api.post("repos/maren/glass/discussions", json={"title": BAD, "text": "x"}).expect(201)
    page = person.visit("/nils?tab=activity")
    assert "Starred maren/glass" in page.text
    assert "Began a discussion in maren/glass" in page.text
    assert "/maren/glass/discussions/1" in page.links
    assert BAD not in page.html
    page = person.visit("/maren?tab=activity")
    assert "Made 2 commits in maren/glass" in page.text
    assert "secret" not in page.html
    assert "maren/secret" in maren.visit("/maren?tab=activity").text
    assert person.visit("/maren?tab=collections").status == 200
    assert person.visit("/maren?tab=nonsense").address == "/maren"
    assert person.visit("/maren?tab=activity&cursor=x").status == 400
