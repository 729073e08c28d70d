"""The health page: measures by block as a picture and a table, warnings, what is alike."""

import numpy as np
import pytest
from safetensors.numpy import save

from support.running import run_jobs


def kohya(seed: int = 1, *, broken: bool = False) -> bytes:
    chance = np.random.default_rng(seed)
    tensors = {}
    for block, width in ((1, 640), (2, 1280)):
        name = f"lora_unet_down_blocks_{block}_attentions_0_transformer_blocks_0_attn2_to_k"
        tensors[f"{name}.lora_up.weight"] = chance.normal(size=(width, 8)).astype("f4")
        tensors[f"{name}.lora_down.weight"] = chance.normal(size=(8, 2048)).astype("f4")
        tensors[f"{name}.alpha"] = np.array(4, "f4")
    if broken:
        tensors[f"{name}.lora_up.weight"][0, 0] = np.nan
    return save(tensors, {"ss_network_module": "networks.lora"})


@pytest.fixture
def inspect(site):
    return lambda: run_jobs(site.hub.db, site.hub.store)


def test_before_the_inspection(maren, publish, person):
    publish("maren/glass", glass_dot_safetensors=kohya())
    assert "Not measured yet" in person.visit("/maren/glass/health").text


def test_what_was_measured(maren, publish, person, inspect):
    publish("maren/glass", weights_dot_safetensors=kohya())
    inspect()
    page = person.visit("/maren/glass/health?file=weights.safetensors")
    text = page.text
    for words in ("Effective rank", "Sound", "U-Net", "What a smaller rank would keep", "ComfyUI"):
        assert words in text
    assert "/maren/glass/variant/main/weights.safetensors?rank=4" in page.links
    # Each block is a bar with a name, and a row of the table.
    assert page.html.count("chart-strength") == 2
    assert text.count("down.1") >= 1
    assert "/maren/glass/health" in person.visit("/maren/glass").links


def test_a_broken_file_says_so(maren, publish, person, inspect):
    publish("maren/glass", weights_dot_safetensors=kohya(broken=True))
    inspect()
    text = person.visit("/maren/glass/health?file=weights.safetensors").text
    assert "NaN" in text
    assert "Sound" not in text


def test_who_else_has_it(maren, publish, person, inspect):
    publish("maren/glass", weights_dot_safetensors=kohya())
    publish("maren/copy", weights_dot_safetensors=kohya())
    inspect()
    page = person.visit("/maren/copy/health?file=weights.safetensors")
    assert "The very same file as in" in page.text
    assert "/maren/glass" in page.links


def test_without_adapters(maren, site, person):
    site.token_of("maren", "read", "write").publish("maren/words", {"README.md": b"# Words"})
    assert "No adapter file yet" in person.visit("/maren/words/health").text
    assert "/maren/words/health" not in person.visit("/maren/words").links
    assert person.ask("GET", "/maren/none/health").status == 404


def test_the_list_by_what_was_measured(maren, publish, person, inspect):
    publish("maren/glass", weights_dot_safetensors=kohya())
    inspect()
    for query, is_there in (
        ("rank_from=2", True), ("rank_from=9", False), ("rank_to=8&healthy=1", True),
        ("mb=0", False), ("mb=900&trigger=1", True), ("rank_from=x&mb=-1", True),
    ):  # fmt: skip
        page = person.visit(f"/?{query}")
        assert ("/maren/glass" in page.links) is is_there, query
    page = person.visit("/?rank_from=2&rank_to=8&healthy=1")
    assert "rank 2 to 8" in page.text
    # Without one of them the others stay.
    assert any("healthy=1" in link and "rank_from" not in link for link in page.links)
