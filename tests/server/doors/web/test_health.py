"""The health page: measures by block as a picture and a table, warnings, what is alike."""

import numpy as np
import pytest
from safetensors.numpy import save
from sqlalchemy import select

from lorahub_server.doors.web import words
from lorahub_server.insight.bases.tables import BaseModel
from lorahub_server.insight.speed import service as speed
from lorahub_server.jobs.tables import Job
from lorahub_server.kit.clock import now
from support.inside import sha256
from support.running import run_jobs


def kohya(seed: int = 1, *, broken: bool = False, ranks: tuple[int, int] = (8, 8)) -> bytes:
    chance = np.random.default_rng(seed)
    tensors = {}
    for (block, width), rank in zip(((1, 640), (2, 1280)), ranks, strict=True):
        name = f"lora_unet_down_blocks_{block}_attentions_0_transformer_blocks_0_attn2_to_k"
        tensors[f"{name}.lora_up.weight"] = chance.normal(size=(width, rank)).astype("f4")
        tensors[f"{name}.lora_down.weight"] = chance.normal(size=(rank, 2048)).astype("f4")
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


def test_an_inspection_that_was_given_up_is_told_on_both_pages(site, maren, publish, person):
    publish("maren/glass", glass_dot_safetensors=kohya())
    with site.hub.db.write() as session:
        for job in session.scalars(select(Job).where(Job.kind == "inspect")):
            job.state, job.due_at = "parked", None
    for address in ("/maren/glass", "/maren/glass/health"):
        assert "Inspection failed" in person.visit(address).text, address


def test_what_was_measured(maren, publish, person, inspect):
    publish("maren/glass", weights_dot_safetensors=kohya())
    inspect()
    page = person.visit("/maren/glass/health?file=weights.safetensors")
    text = page.text
    for told in ("Effective rank", "Sound", "U-Net", "What a smaller rank would keep", "ComfyUI"):
        assert told in text
    assert "/maren/glass/variant/main/weights.safetensors?rank=4" in page.links
    # Each block is a bar with a name, and a row of the table.
    assert page.html.count("chart-strength") == 2
    assert text.count("down.1") >= 1
    assert "/maren/glass/health" in person.visit("/maren/glass").links


def test_ranks_are_told_as_they_are(maren, publish, person, inspect):
    publish("maren/mixed", weights_dot_safetensors=kohya(ranks=(4, 16)))
    publish("maren/plain", weights_dot_safetensors=kohya())
    inspect()
    for name, told in (("mixed", "of 4 to 16 that are stored"), ("plain", "of 8 that are stored")):
        assert told in person.visit(f"/maren/{name}/health?file=weights.safetensors").text


@pytest.mark.parametrize(
    ("share", "told"),
    [(1, "100 %"), (0.99999, "99.9 %"), (0.995, "99.5 %"), (0.42, "42 %"), (None, "-")],
)
def test_what_is_not_all_is_never_called_so(share, told):
    assert words.percent(share) == told
    # Of numbers that are rounded before they are compared.
    assert words.percent(share, 2e-4) == ("100 %" if share and share > 0.9999 else told)


def test_only_what_can_be_made_is_offered(site, maren, publish, person, inspect):
    chance = np.random.default_rng(1)
    name = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"
    shapes = {"w1_a": (640, 4), "w1_b": (4, 2048), "w2_a": (640, 4), "w2_b": (4, 2048)}
    hada = {f"{name}.hada_{key}": chance.normal(size=s).astype("f4") for key, s in shapes.items()}
    clip = "lora_te_text_model_encoder_layers_0_self_attn_q_proj"
    text = {
        f"{clip}.lora_up.weight": chance.normal(size=(768, 4)).astype("f4"),
        f"{clip}.lora_down.weight": chance.normal(size=(4, 768)).astype("f4"),
        f"{clip}.alpha": np.array(4, "f4"),
    }
    llm = {
        f"base_model.model.model.layers.0.self_attn.q_proj.lora_{side}.weight": np.ones(shape, "f4")
        for side, shape in (("A", (4, 64)), ("B", (64, 4)))
    }
    files = {
        "plain": kohya(),
        "broken": kohya(broken=True),
        "hada": save({**hada, f"{name}.alpha": np.array(4, "f4")}),
        "text": save(text),
        "words": save(llm),
    }
    writer = site.token_of("maren", "read", "write")
    for repo, data in files.items():
        writer.publish(f"maren/{repo}", {"w.safetensors": data})
    inspect()
    offered = {}
    for repo in files:
        form = person.visit(f"/maren/{repo}").form(f"/maren/{repo}/variant/main/w.safetensors")
        offered[repo] = {one: form.options.get(one, []) for one in ("layout", "family", "rank")}
        assert form.options["dtype"] == ["", "fp32", "fp16", "bf16", "fp8_e4m3", "fp8_e5m2"]
    nothing: dict[str, list[str]] = {"layout": [], "family": [], "rank": []}
    layouts = ["", "diffusers", "peft"]
    assert offered["plain"] == {"layout": layouts, "family": [], "rank": ["", "1", "2", "4"]}
    assert offered["broken"] == nothing
    assert offered["hada"] == {"layout": [], "family": [], "rank": ["", "1", "2"]}
    assert offered["text"]["layout"][:3] == layouts
    assert {"sd1", "sdxl"} <= set(offered["text"]["family"])
    assert offered["words"] == nothing
    health = person.visit("/maren/broken/health").links
    assert not [link for link in health if "/variant/" in link]


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
    assert "/?q=healthy%3Ayes" in page.links


def test_what_it_costs_is_held_against_the_family(site, maren, publish, person, inspect):
    publish("maren/glass", weights_dot_safetensors=kohya(1))
    publish("maren/lead", weights_dot_safetensors=kohya(2))
    inspect()
    here = "/maren/glass/health?file=weights.safetensors"
    assert "What it costs" not in person.visit(here).text
    with site.hub.db.write() as session:
        base = {"title": "B", "family": "sdxl", "task": "image", "kind": "folder", "source": "/x"}
        drawn = {"steps": 4, "width": 64, "height": 64, "created_at": now(), "updated_at": now()}
        session.add(BaseModel(id="tiny", **base, **drawn))
    figures = {"load_ms": 90.0, "swap_ms": 4.0, "base_ms": 500.0, "unfused_ms": 600.0,
               "fused_ms": None, "memory": 2_000_000, "setting": {"steps": 4}}  # fmt: skip
    measured = {kohya(1): figures, kohya(2): figures | {"swap_ms": 8.0, "unfused_ms": 1400.0}}
    for count, (data, told) in enumerate(measured.items()):
        with site.hub.db.write() as session:
            speed.record(session, sha256(data), "tiny", "cpu", told, now())
        page = person.visit(here)
        assert "600 ms" in page.text
        assert ("median 1 s" in page.text) is bool(count)
        assert page.html.count("speed-typical") == 4 * count
    assert "the median of 2 adapters" in page.text
    assert "median 6.0 ms" in page.text
    assert "Folded" not in page.text
