"""Lists of models: what is found, in which order, page by page, and by whom."""

import pytest

from support import hf
from support.inside import adapter

SDXL = "stabilityai/stable-diffusion-xl-base-1.0"


@pytest.fixture
def models(alice, bob) -> None:
    for number in range(3):
        hf.create(alice, f"glass-{number}").expect(200)
        card = (
            f"---\nlicense: mit\nbase_model: {SDXL}\ntags: [Tag-{number}]\n---\n# Glass {number}\n"
        )
        oid = hf.send(alice, f"alice/glass-{number}", adapter(number))
        hf.commit(
            alice,
            f"alice/glass-{number}",
            hf.add("README.md", card.encode()),
            hf.large("w.safetensors", oid),
        ).expect(200)
    hf.create(alice, "secret", private=True).expect(200)
    hf.create(bob, "paint").expect(200)


def ids(caller, query: str = "") -> list[str]:
    return [item["id"] for item in caller.get(f"/api/models?{query}").expect(200).json()]


def test_who_sees_what(alice, bob, anonymous, models):
    everybody = {"alice/glass-0", "alice/glass-1", "alice/glass-2", "bob/paint", "alice/style"}
    assert set(ids(anonymous)) == set(ids(bob)) == everybody
    assert set(ids(alice)) == {*everybody, "alice/secret"}
    assert ids(anonymous, "author=bob") == ["bob/paint"]
    assert ids(anonymous, "author=BOB") == ["bob/paint"]
    assert ids(anonymous, "author=nobody") == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("search=glass&search=tag-1", {"alice/glass-1"}),
        ("search=Glass-2", {"alice/glass-2"}),
        ("filter=tag-1", {"alice/glass-1"}),
        ("filter=license:mit&filter=Tag-2", {"alice/glass-2"}),
        ("filter=license:mit,tag-0", {"alice/glass-0"}),
        (f"filter=base_model:adapter:{SDXL}&filter=tag-0", {"alice/glass-0"}),
        (f"filter=base_model:{SDXL.upper()}&filter=tag-0", {"alice/glass-0"}),
        ("filter=base_model:finetune:x/y", set()),
        ("filter=lora&filter=safetensors&filter=tag-1", {"alice/glass-1"}),
        ("pipeline_tag=text-generation", set()),
        ("gated=true", set()),
        ("inference=warm", set()),
        ("filter=%00", set()),
    ],
)  # fmt: skip
def test_filters(anonymous, models, query, found):
    if "%00" in query:
        anonymous.get(f"/api/models?{query}").expect(400)
    else:
        assert set(ids(anonymous, query)) == found


@pytest.mark.parametrize(
    "sort", ["createdAt", "lastModified", "downloads", "likes", "trendingScore"]
)
def test_all_pages_have_everything_once(anonymous, models, sort):
    address, seen = f"/api/models?author=alice&sort={sort}&direction=-1&limit=2", []
    while address:
        answer = anonymous.get(address).expect(200)
        assert len(answer.json()) <= 2
        seen += [item["id"] for item in answer.json()]
        link = answer.headers.get("Link", "")
        assert not link or link.startswith("<http://hub.test/api/models?author=alice&sort=")
        address = hf.path_of(link[1:].partition(">")[0]) if link else ""
        assert not link or link.endswith('>; rel="next"')
    assert len(seen) == len(set(seen)) == 4


def test_the_order(alice, bob, anonymous, models):
    bob.post(hf.model("alice/glass-1", "like")).expect(200)
    assert ids(anonymous, "sort=likes")[0] == "alice/glass-1"
    hf.commit(alice, "alice/glass-0", hf.add("x", b"x")).expect(200)
    assert anonymous.get("/api/models?sort=nonsense").expect(400).json()["place"] == "sort"


def test_what_is_told_of_each(anonymous, models):
    plain = anonymous.get("/api/models?search=glass-1&sort=createdAt").json()[0]
    assert set(plain) == {
        "_id", "id", "modelId", "private", "likes", "downloads", "tags", "createdAt",
    }  # fmt: skip
    more = anonymous.get("/api/models?search=glass-1&full=True&cardData=true&config=1").json()[0]
    assert set(more) == {
        *plain, "author", "sha", "lastModified", "gated", "disabled", "siblings", "cardData",
        "config", "trendingScore",
    }  # fmt: skip
    assert [file["rfilename"] for file in more["siblings"]] == [
        ".gitattributes", "README.md", "w.safetensors",
    ]  # fmt: skip
    assert more["cardData"]["base_model"] == SDXL
    only = anonymous.get("/api/models?search=glass-1&expand=sha&expand=safetensors").json()[0]
    assert set(only) == {"_id", "id", "sha", "safetensors"}
    assert only["sha"] == more["sha"]
    refused = anonymous.get("/api/models?expand=x").expect(400).json()
    assert refused["error"].startswith('"expand" must be one of [')


def test_a_list_costs_few_questions(site, anonymous, models):
    with hf.counted(site) as seen:
        anonymous.get("/api/models?full=true&cardData=true").expect(200)
    assert len(seen) <= 3


def test_other_kinds_are_not_here(anonymous):
    assert anonymous.get("/api/datasets?author=x").expect(200).json() == []
    assert anonymous.get("/api/spaces").expect(200).json() == []
    assert anonymous.get("/api/models?num_parameters=min:1B").expect(400)
