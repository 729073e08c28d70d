"""Two revisions on one page: weights, words, card and files."""

import numpy as np
import pytest
from safetensors.numpy import save

from support.running import run_jobs


def kohya(
    *,
    times: float = 1.0,
    seed: int = 1,
    words: str = "glasspaint",
    alpha: float = 4,
    **header: str,
) -> bytes:
    chance = np.random.default_rng(seed)
    tensors = {}
    for block, width in ((1, 640), (2, 1280)):
        name = f"lora_unet_down_blocks_{block}_attentions_0_transformer_blocks_0_attn2_to_k"
        tensors[f"{name}.lora_up.weight"] = chance.normal(size=(width, 8)).astype("f4") * times
        tensors[f"{name}.lora_down.weight"] = chance.normal(size=(8, 2048)).astype("f4")
        tensors[f"{name}.alpha"] = np.array(alpha, "f4")
    count = f'{{"10_{words}": {{"{words}": 40}}}}'
    told = {"ss_network_module": "networks.lora", "ss_tag_frequency": count, **header}
    return save(tensors, told)


def card(licence: str) -> bytes:
    return f"---\nlicense: {licence}\n---\n# Glass\n".encode()


@pytest.fixture
def send(site, maren):
    writer = site.token_of("maren", "read", "write")

    def publish(weights: bytes, licence: str) -> str:
        writer.publish("maren/glass", {"w.safetensors": weights, "README.md": card(licence)})
        run_jobs(site.hub.db, site.hub.store)
        found = writer.get("repos/maren/glass/refs").expect(200).json()
        return found["branches"][0]["revision"]

    return publish


@pytest.mark.parametrize(
    ("after", "says"),
    [
        (kohya(times=0.5, words="stained"), "at another strength"),
        (kohya(seed=2, words="stained"), "Little in common"),
    ],
    ids=["scaled", "new"],
)
def test_what_changed(send, person, after, says):
    before = send(kohya(), "mit")
    send(after, "cc-by-4.0")
    page = person.visit(f"/maren/glass/versions?old={before}")
    text = page.text
    for words in (says, "+ stained", "- glasspaint", "cc-by-4.0", "down.1"):
        assert words in text


def test_the_same_and_what_is_not_there(send, person, site, maren):
    send(kohya(), "mit")
    page = person.visit("/maren/glass/versions?old=main&new=main")
    assert "Nothing differs" in page.text
    for query in ("old=nope", "new=nope", "new=%00", "old=" + "a" * 3000):
        assert person.ask("GET", f"/maren/glass/versions?{query}").status in (400, 404), query
    assert person.ask("GET", "/maren/none/versions").status == 404
    writer = site.token_of("maren", "read", "write")
    writer.call("PATCH", "repos/maren/glass", json={"private": True}).expect(200)
    assert person.ask("GET", "/maren/glass/versions").status == 404
    assert maren.ask("GET", "/maren/glass/versions").status == 200


def test_the_weights_count_and_not_their_header(send, person):
    before = send(kohya(), "mit")
    send(kohya(alpha=8, ss_network_alpha="2", ss_network_dim="32"), "mit")
    page = person.visit(f"/maren/glass/versions?old={before}")
    alphas = [
        after.split("</dd>")[0].strip(" \n<d>") for after in page.html.split("<dt>Alpha</dt>")
    ]
    assert alphas[1:] == ["4 → 8", "4", "8"]
    for address in ("", "/health"):
        text = person.visit(f"/maren/glass{address}").text
        assert "ss_network_alpha says 2, but the weights have 8" in text
        assert "ss_network_dim says 32, but the weights have 8" in text
    assert "ss_network_alpha says" not in person.visit(f"/maren/glass/tree/{before}").text
