"""Lines to copy: right for the family, and safe in a shell whatever things are called."""

import ast
import shlex
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorahub.models import Manifest
from lorahub.names import Target
from lorahub.transfer import layout
from lorahub.transfer.tools import TOOLS
from lorahub_server.library.card import Card
from lorahub_server.library.model import AdapterDetails, RepoCard, RepoDetails
from lorahub_server.library.snippets import Snippet, adapter_name, base_for, snippets

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def details(
    *paths: str, family="sdxl", form="kohya", base=None, words=(), private=False, **summary
):
    facts = {"family": family, "layout": form, "rank": 16, **summary}
    adapters = [AdapterDetails(path, "0" * 64, 1, facts) for path in paths]
    card = RepoCard(
        id=1, owner="alice", name="glass", private=private, default_branch="main",
        revision="a" * 40, title="Glass", summary="", license=None, base_model=base, family=family,
        family_declared=None, layout=form, method="lora", rank=16, size=1, adapters=len(paths),
        trigger_words=list(words), tags=[], health="ok", cover=None, cover_size=None,
        cover_picture=None, stars=0, downloads=0,
        starred=False, created_at=MOMENT, updated_at=MOMENT, published_at=MOMENT,
    )  # fmt: skip
    return RepoDetails(card, adapters, None, [])


def by_id(shown: RepoDetails, url: str = "http://127.0.0.1:8000") -> dict[str, Snippet]:
    return {snippet.id: snippet for snippet in snippets(shown, url)}


def test_pictures():
    found = by_id(details("glass.safetensors", words=["glass", "shiny"]))
    assert list(found) == ["lorahub", "comfyui", "a1111", "forge", "prompt", "diffusers", "curl"]
    assert found["lorahub"].code == "lorahub pull alice/glass"
    assert found["comfyui"].code == "lorahub pull alice/glass --to comfyui"
    assert found["prompt"].code == "<lora:glass:1> glass, shiny"
    code = found["diffusers"].code
    ast.parse(code)
    assert 'base = "stabilityai/stable-diffusion-xl-base-1.0"' in code
    assert 'weight_name="glass.safetensors"' in code
    assert 'pipe("glass, shiny")' in code


def test_the_card_s_strength_is_used():
    shown = details("glass.safetensors", words=["glass"])
    shown.card = Card(front={"strength": "0.6-0.9"})
    found = by_id(shown)
    assert found["prompt"].code == "<lora:glass:0.75> glass"
    assert "<lora:glass:0.75>" in found["a1111"].note
    assert 'pipe.set_adapters("it", 0.75)' in found["diffusers"].code
    ast.parse(found["diffusers"].code)


def test_a_pack_s_member_has_lines_of_its_own():
    shown = details("a.safetensors", "b.safetensors", words=["glass"])
    shown.adapters[1].summary = {**shown.adapters[1].summary, "trigger_words": ["stone"]}
    found = {one.id: one.code for one in snippets(shown, adapter=shown.adapters[1])}
    assert found["prompt"] == "<lora:glass-b:1> stone"
    assert 'weight_name="b.safetensors"' in found["diffusers"]
    assert found["curl"].endswith("/b.safetensors")


def test_flux_is_not_for_a1111_and_video_only_for_comfyui():
    assert "a1111" not in by_id(details("a.safetensors", family="flux1"))
    assert "forge" in by_id(details("a.safetensors", family="flux1"))
    assert set(by_id(details("a.safetensors", family="wan-14b"))) == {
        "lorahub", "comfyui", "diffusers", "curl",
    }  # fmt: skip
    assert "diffusers" not in by_id(details("a.safetensors", family="ltx2"))


def test_language_models():
    shown = details(
        "adapter_model.safetensors",
        family="llama",
        form="peft",
        base="meta-llama/Llama-3.2-1B",
        task_type="CAUSAL_LM",
    )
    found = by_id(shown)
    assert list(found) == ["lorahub", "peft", "vllm", "curl"]
    ast.parse(found["peft"].code)
    assert "AutoModelForCausalLM" in found["peft"].code
    assert "meta-llama/Llama-3.2-1B" in found["peft"].code
    assert found["vllm"].code.splitlines()[1] == (
        "vllm serve meta-llama/Llama-3.2-1B --enable-lora --max-lora-rank 16 "
        "--lora-modules glass=./glass"
    )


def test_the_model_class_follows_the_task():
    shown = details(
        "a/adapter_model.safetensors", family="roberta", form="peft", task_type="SEQ_CLS"
    )
    found = by_id(shown)
    assert "AutoModelForSequenceClassification" in found["peft"].code
    assert 'adapter.place / "a"' in found["peft"].code
    assert "vllm" not in found


def test_an_unknown_family_can_at_least_be_fetched():
    assert list(by_id(details("a.safetensors", family=None))) == ["lorahub", "curl"]
    assert list(by_id(details())) == ["lorahub"]
    shown = details("a.safetensors")
    shown.repo.revision = None
    assert snippets(shown) == []


def test_another_address_is_named():
    found = by_id(details("a.safetensors"), "https://hub.example/")
    assert found["comfyui"].code == "lorahub pull https://hub.example/alice/glass --to comfyui"
    target = Target.parse(shlex.split(found["lorahub"].code)[2])
    assert (str(target.repo), target.endpoint) == ("alice/glass", "https://hub.example")
    assert "https://hub.example/alice/glass/resolve/main/a.safetensors" in found["curl"].code


def test_private_ones_need_a_token():
    assert "Authorization" not in by_id(details("a.safetensors"))["curl"].code
    assert '-H "Authorization: Bearer $LORAHUB_TOKEN"' in (
        by_id(details("a.safetensors", private=True))["curl"].code
    )


@given(
    st.text(min_size=1, max_size=30).filter(
        lambda t: "/" not in t and "\0" not in t and t.isprintable()
    ),
    st.lists(st.text(max_size=20), max_size=3),
    st.sampled_from(["sdxl", "llama", None]),
)
def test_no_name_leaves_its_quotes(name, words, family):
    words = [word for word in words if word.isprintable()]
    shown = details(f"d/{name}.safetensors", family=family, form="peft", base="a/b", words=words)
    for snippet in snippets(shown):
        if snippet.language == "python":
            tree = ast.parse(snippet.code)
            texts = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)}
            assert snippet.id != "diffusers" or f"d/{name}.safetensors" in texts
            calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call)]
            assert len(calls) <= 6
        elif snippet.language == "bash":
            for line in snippet.code.splitlines():
                parts = shlex.split(line)
                assert parts[0] in {"lorahub", "curl", "vllm"}
                if parts[0] == "curl":
                    assert len(parts) == 5
                    assert parts[3].removeprefix("./") == f"{name}.safetensors"


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize(
    "path", ["x.safetensors", "glass-v2.safetensors", "a/b c.safetensors", "GLASS.safetensors"]
)
def test_names_in_prompts_are_those_that_the_client_gives(path, alone):
    manifest = Manifest(
        repo="alice/glass", revision="a" * 40, files=(), adapters=(), trigger_words=()
    )
    expected = layout.adapter_name(manifest, path, alone=alone)
    assert adapter_name("glass", path, alone=alone) == expected


def test_the_tools_are_those_of_the_client():
    found = by_id(details("a.safetensors"))
    assert {"comfyui", "a1111", "forge"} <= set(TOOLS)
    assert {"comfyui", "a1111", "forge"} <= set(found)


@pytest.mark.parametrize(
    ("base", "hint", "expected"),
    [
        ("my/own-sdxl", None, "my/own-sdxl"),
        ("my/finetune", None, "my/finetune"),
        ("black-forest-labs/FLUX.1-dev", None, "stabilityai/stable-diffusion-xl-base-1.0"),
        ("a local folder", "good/sdxl-model", "good/sdxl-model"),
        ("x'; rm -rf /", None, "stabilityai/stable-diffusion-xl-base-1.0"),
        (None, None, "stabilityai/stable-diffusion-xl-base-1.0"),
    ],
)
def test_the_base_model_fits_the_weights(base, hint, expected):
    shown = details("a.safetensors", base=base, base_model_hint=hint)
    assert base_for(shown, shown.adapters[0]) == expected
