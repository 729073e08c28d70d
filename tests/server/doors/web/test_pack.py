"""Many adapters in one repository: a grid of members, each with its own words, picture and hash."""

import numpy as np
import pytest
from safetensors.numpy import save

from support.inside import sha256

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 50


def member(number: int, word: str) -> bytes:
    chance = np.random.default_rng(number)
    name = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"
    tensors = {
        f"{name}.lora_up.weight": chance.normal(size=(640, 4)).astype("f4"),
        f"{name}.lora_down.weight": chance.normal(size=(4, 2048)).astype("f4"),
    }
    told = {"ss_network_module": "networks.lora"}
    return save(tensors, told | {"ss_tag_frequency": f'{{"10_{word}": {{"{word}": 40}}}}'})


@pytest.fixture
def owner(site, maren):
    return site.token_of("maren", "read", "write")


def publish(owner, files: dict[str, bytes]) -> None:
    owner.publish("maren/pack", {"README.md": b"---\nlicense: mit\n---\n# Pack\n", **files})


def test_each_member_has_its_own_words_picture_and_hash(owner, person):
    red, blue = member(1, "redglass"), member(2, "blueglass")
    files = {"red.safetensors": red, "red.png": PNG, "in/blue.safetensors": blue}
    publish(owner, {**files, "in/cover.webp": PNG})
    page = person.visit("/maren/pack")
    assert "2 adapters in this repository" in page.text
    for data, word in ((red, "redglass"), (blue, "blueglass")):
        assert sha256(data)[:10] in page.text
        assert f'data-copy="{word}"' in page.html
    assert any(link.endswith("/red.png") for link in page.images)
    assert any(link.endswith("/in/cover.webp") for link in page.images)
    assert "/maren/pack?file=in%2Fblue.safetensors" in page.links
    assert "/maren/pack/resolve/main/in/blue.safetensors?download=1" in page.links
    # Who may not read the files gets drawn pictures, and nothing to download.
    owner.patch("repos/maren/pack", json={"gated": "manual"}).expect(200)
    page = person.visit("/maren/pack")
    assert sha256(red)[:10] in page.text
    assert not [link for link in page.images if "resolve" in link]
    assert not [link for link in page.links if "resolve" in link]


def test_one_adapter_is_no_pack(owner, person):
    publish(owner, {"red.safetensors": member(1, "redglass")})
    assert "in this repository" not in person.visit("/maren/pack").text


def test_members_are_found_and_come_in_pages(owner, person, monkeypatch):
    monkeypatch.setattr("lorahub_server.doors.web.pack.ROWS", 3)
    names = [f"glass{number}" for number in range(7)]
    publish(owner, {f"{n}.safetensors": member(i, f"word{i}") for i, n in enumerate(names)})
    seen, address = [], "/maren/pack"
    while address:
        page = person.visit(address)
        seen += [n for n in names if f"/maren/pack?file={n}.safetensors" in page.links]
        after = f"/maren/pack?start={len(seen)}#members"
        address = after.partition("#")[0] if after in page.links else ""
    assert seen == names
    for text in ("GLASS5", "word5", "glass word5"):
        page = person.visit(f"/maren/pack?member={text}")
        assert "glass5.safetensors" in page.text
        assert "glass4.safetensors" not in page.html.partition('id="members"')[2]
    page = person.visit("/maren/pack?member=%3Cb%3E")
    assert "No member has “&lt;b&gt;”" in page.html
    assert person.visit("/maren/pack?start=999").status == 200
    for query in ("start=-1", "start=x", "member=" + "x" * 201):
        assert person.ask("GET", f"/maren/pack?{query}").status == 422
