import pytest

from support.inside import adapter
from support.person import Person

BAD = "<script>alert(1)</script>"


@pytest.fixture
def nils(site):
    return Person(site).sign_up("nils")


def shown(page):
    """The adapters on a page, by their links, in order and each once."""
    found = [a for a in page.links if a.startswith(("/maren/", "/nils/"))]
    return [a for a in dict.fromkeys(found) if a.count("/") == 2]


def test_a_new_hub_tells_how_to_begin(person):
    page = person.visit("/")
    assert "Your hub runs" in page.text
    assert "/signup" in page.links
    assert "lorahub login http://hub.test" in page.text
    maren = person.sign_up("maren")
    assert "lorahub push ./my-style.safetensors maren/my-style" in maren.visit("/").text


def test_cards_show_what_matters(maren, publish, person):
    publish("maren/glass")
    page = person.visit("/")
    for words in ("The glass", "maren", "rank", "glasspaint"):
        assert words in page.text
    assert shown(page) == ["/maren/glass"]
    assert any(image.startswith("/images/cover/") for image in page.images)


def test_a_picture_in_the_repository_is_the_cover(maren, publish, person):
    publish("maren/glass", cover_dot_png=b"\x89PNG\r\n\x1a\n" + b"0" * 50)
    cover = next(image for image in person.visit("/").images if "cover.png" in image)
    answer = person.ask("GET", cover)
    assert answer.status == 200
    assert answer.headers["content-type"] == "image/png"


def test_private_ones_are_seen_by_their_owner_only(maren, nils, publish, person):
    publish("maren/open")
    publish("maren/secret", private=True)
    for address in ("/", "/maren", "/tags/style", "/?q=secret"):
        assert "/maren/secret" in shown(maren.visit(address)), address
        for other in (nils, person):
            html = other.visit(address).html
            assert "/maren/secret" not in html, address
            assert "The secret" not in html, address
    assert "Private" in maren.visit("/").text


def test_search_filters_and_orders_are_in_the_address(maren, nils, publish, person):
    publish("maren/glass")
    publish("nils/rain", "---\ntags: [water]\n---\n# Rain over Edo\n", seed=2)
    assert shown(person.visit("/?q=edo")) == ["/nils/rain"]
    assert shown(person.visit("/?tag=style")) == ["/maren/glass"]
    assert shown(person.visit("/tags/water")) == ["/nils/rain"]
    assert shown(person.visit("/?sort=name")) == ["/maren/glass", "/nils/rain"]
    page = person.visit("/?q=edo&tag=water&sort=newest")
    assert "/?q=%23water&sort=newest" in page.links  # without the words
    assert "/?q=edo&sort=newest" in page.links  # without the tag
    assert "/?q=edo+-%23water&sort=newest" in page.links  # with the tag left out
    assert page.form("/").fields["q"] == "edo #water"


def test_nothing_found_says_what_to_drop(maren, publish, person):
    publish("maren/glass")
    page = person.visit("/?q=nowhere&tag=style")
    assert page.status == 200
    assert "Nothing fits" in page.text
    assert "/?q=%23style" in page.links
    assert "Without “nowhere” 1" in page.text
    assert "Without style" not in page.text  # it would give nothing either


def test_the_same_upload_is_shown_once(maren, nils, publish, person):
    publish("maren/glass")
    publish("nils/glass")
    page = person.visit("/")
    assert len(shown(page)) == 1
    assert "+1 near-identical" in page.text
    apart = person.visit("/?all=1")
    assert set(shown(apart)) == {"/maren/glass", "/nils/glass"}
    assert "Fold near-identical ones" in apart.text
    assert len(shown(person.visit("/?q=%40nils"))) == 1


def test_what_is_not_understood_is_told(maren, publish, person):
    publish("maren/glass")
    page = person.visit("/?q=glass+rank:many+base:sdxxl")
    assert page.status == 200
    assert shown(page) == ["/maren/glass"]
    assert "a rank is written rank:16" in page.text
    assert "Did you mean base:sdxl?" in page.text
    assert page.form("/").fields["q"] == "glass"


def test_words_that_were_meant_are_offered(maren, publish, person):
    publish("maren/glass")
    page = person.visit("/?q=glaspaint+%23style")
    assert shown(page) == []
    assert "Did you mean" in page.text
    assert "/?q=glasspaint+%23style" in page.links


def test_the_panel_counts_asks_and_leaves_out(maren, publish, person):
    publish("maren/glass")
    publish("maren/rain", "---\ntags: [water]\nlicense: cc-by-nc-4.0\n---\n# Rain\n", seed=2)
    page = person.visit("/?q=%40maren")
    assert {"/?q=%23style+%40maren", "/?q=-%23style+%40maren"} <= set(page.links)
    assert shown(person.visit("/?q=-%23style+%40maren")) == ["/maren/rain"]
    assert "/?q=licence%3Acommercial+%40maren" in page.links
    assert shown(person.visit("/?q=licence:commercial")) == ["/maren/glass"]
    assert shown(person.visit("/?rank_from=1&mb=1&q=rain")) == ["/maren/rain"]
    form = person.visit("/?q=rain+rank:<=8&sort=newest")
    kept = next(one for one in form.forms if "rank_to" in one.fields)
    assert (kept.fields["q"], kept.fields["rank_to"], kept.fields["sort"]) == (
        "rain",
        "8",
        "newest",
    )


def test_an_adapter_has_a_short_address_to_download(maren, publish, person):
    publish("maren/glass")
    publish("maren/pack", seed=3, b_dot_safetensors=adapter(4))
    assert "/maren/glass/download" in person.visit("/").links
    there = person.ask("GET", "/maren/glass/download").headers["location"]
    assert there.endswith("/glass.safetensors?download=1")
    assert person.ask("GET", there).status == 200
    assert person.ask("GET", "/maren/pack/download").headers["location"] == "/maren/pack"
    assert "/maren/pack/download" not in person.visit("/").links
    assert person.ask("GET", "/maren/none/download").status == 404


def test_the_help_sheet_shows_searches_that_work(maren, publish, person):
    publish("maren/glass")
    page = person.visit("/search-help")
    assert page.status == 200
    searches = [a for a in page.links if a.startswith("/?q=")]
    assert len(searches) > 20
    for address in searches:
        told = person.visit(address)
        assert told.status == 200
        assert "was left out" not in told.text, address


def test_pages_show_everything_once(maren, site, person):
    api = site.token_of("maren", "read", "write")
    for number in range(27):
        api.post("repos", json={"name": f"a{number:02}"}).expect(201)
    first = person.visit("/?q=maren&sort=name")
    following = next(a for a in first.links if "cursor=" in a)
    second = person.visit(following)
    assert shown(first) + shown(second) == [f"/maren/a{n:02}" for n in range(27)]
    assert not [a for a in second.links if "cursor=" in a]


def test_what_people_write_is_only_ever_text(maren, publish, person):
    publish(
        "maren/glass", f'---\ntags: ["{BAD}"]\ntrigger_words: ["{BAD}"]\n---\n# {BAD}\n\n{BAD}\n'
    )
    maren.send(maren.visit("/settings").form("/settings"), display_name=BAD, bio=BAD)
    for address in (
        "/",
        "/maren/glass",
        "/maren",
        "/tags",
        f"/?q={BAD}",
        "/maren/glass/commits/main",
    ):
        page = person.visit(address)
        assert page.status == 200
        assert BAD not in page.html, address


def test_the_overview_shows_adapters_and_tags_that_lead_to_several(maren, publish, site, person):
    publish("maren/glass")
    publish("maren/rain", seed=2)
    api = site.token_of("maren", "read", "write")
    api.post("repos", json={"name": "empty"}).expect(201)
    api.publish("maren/words", {"README.md": b"---\ntags: [rare]\n---\n# Words\n"})
    overview = person.visit("/")
    assert set(shown(overview)) == {"/maren/glass", "/maren/rain"}
    assert "/?q=%23style" in overview.links
    assert "/?q=%23rare" not in overview.links
    assert [a for a in person.visit("/tags").links if a.startswith("/tags/")] == ["/tags/style"]
    for address in ("/maren", "/?q=maren"):
        assert {"/maren/empty", "/maren/words"} <= set(shown(person.visit(address))), address
    assert shown(person.visit("/?tag=rare")) == ["/maren/words"]


def test_tags_have_pages(maren, publish, person):
    publish("maren/glass", "---\ntags: ['a/b c']\n---\n# Glass\n")
    page = person.visit("/tags")
    assert "/tags/a%2Fb%20c" in page.links
    assert shown(person.visit("/tags/a%2Fb%20c")) == ["/maren/glass"]


def test_stars_are_listed_for_oneself(maren, publish, person):
    publish("maren/glass")
    assert "No stars yet" in maren.visit("/stars").text
    maren.send(maren.visit("/maren/glass").form("/maren/glass/star"))
    assert shown(maren.visit("/stars")) == ["/maren/glass"]
    assert person.visit("/stars").address == "/login?next=%2Fstars"


def test_profiles(maren, nils, publish, person):
    publish("maren/glass")
    maren.send(
        maren.visit("/settings").form("/settings"),
        display_name="Maren Holt",
        bio="Paints\nwith light",
        website="https://maren.example/x",
    )
    page = person.visit("/MAREN")
    assert "Maren Holt" in page.text
    assert "Paints" in page.text
    assert "1 adapter" in page.text
    assert "https://maren.example/x" in page.links
    assert 'rel="nofollow ugc noopener noreferrer"' in page.html
    assert "/settings" not in page.links
    assert "hasn't published" in person.visit("/nils").text
    assert "Your wall is empty" in nils.visit("/nils").text
    missing = person.visit("/nobody-here")
    assert missing.status == 404
    assert "no account of that name" in missing.text


def test_a_renamed_account_is_found(maren, site, person):
    from lorahub_server.accounts.service import get_account, rename_account

    with site.hub.db.write() as session:
        rename_account(session, get_account(session, "maren"), "mholt")
    assert person.visit("/maren").address == "/mholt"


def test_public_pages_are_asked_about_and_own_ones_never_kept(maren, publish, person):
    publish("maren/glass")
    for address in ("/", "/maren/glass", "/maren"):
        answer = person.ask("GET", address)
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["vary"] == "Cookie, Accept-Encoding"
        again = person.ask("GET", address, If_None_Match=answer.headers["etag"])
        assert again.status == 304
        assert again.body == b""
        own = maren.ask("GET", address)
        assert own.headers["cache-control"] == "private, no-store"
        assert "etag" not in own.headers


@pytest.mark.parametrize(
    "query", ["cursor=x", "sort=x", "q=%00", "family=%00", "tag=%ff", "cursor=" + "A" * 3000]
)
def test_strange_questions_are_no_fault_of_ours(maren, publish, person, query):
    publish("maren/glass")
    assert person.visit(f"/?{query}").status in (200, 400)
