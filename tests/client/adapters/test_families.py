"""Every family at its real size, whole and in parts, in each layout that people publish."""

import pytest

from lorahub.adapters import summarise
from support.shapes import MODELS, header

LAYOUTS = {
    "unet": ["diffusers", "kohya"],
    "diffusers": ["diffusers", "kohya"],
    "original": ["comfyui", "kohya", "original"],
}
PARTS = {
    "attention": {"only": "att"},
    "one block": {"blocks": 1},
    "q and v": {"only": "to_q to_v .q .v qkv"},
}
IMAGES = [name for name, (kind, _) in MODELS.items() if kind != "peft"]
# Models that share every width with another, even when all of their layers are there.
NEVER_ALONE = {
    "sd3": {"sd3", "sd3.5-medium"},
    "cogvideox-5b": {"cogvideox-5b", "mochi"},
    "ltx-video-13b": {"ltx-video-13b", "ltx2"},
}
PARTLY = {
    "sd3.5-medium": {"sd3", "sd3.5-medium"},
    "flux1": {"flux1", "chroma", "hunyuan-video", "qwen-image", "flux2-klein-4b", "ovis-image"},
    "flux1 original": {"flux1", "chroma", "hunyuan-video", "flux2-klein-4b"},
    "chroma": {"flux1", "chroma", "hunyuan-video"},
    "flux2-klein-4b": {"flux1", "chroma", "hunyuan-video", "flux2-klein-4b"},
    "cogview4": {"cogview4", "glm-image"},
    **NEVER_ALONE,
}


@pytest.mark.parametrize("model", IMAGES)
def test_all_layers_tell_the_family(model):
    want = model.split()[0]
    for layout in LAYOUTS[MODELS[model][0]]:
        found = summarise(header(model, layout))
        assert found.layout == layout
        assert found.family == want, layout
        assert set(found.family_candidates) == NEVER_ALONE.get(model, {want})
        assert found.family_confidence == ("low" if model in NEVER_ALONE else "high")
        assert found.family_evidence


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("model", IMAGES)
def test_parts_are_told_right_or_left_open(model, part):
    """What can't be told is left open, with the truth among the candidates; never a wrong claim."""
    want = model.split()[0]
    for layout in LAYOUTS[MODELS[model][0]]:
        found = summarise(header(model, layout, **PARTS[part]))
        assert want in found.family_candidates, layout
        assert set(found.family_candidates) <= PARTLY.get(model, {want})
        sure = found.family_confidence == "high"
        assert sure == (len(found.family_candidates) == 1)


LANGUAGE = {
    "llama-2-7b": ("llama", "medium", "Llama-2-7B"),
    "llama-3.2-1b": ("llama", "medium", "Llama-3.2-1B"),
    "qwen2.5-7b": ("qwen", "medium", "Qwen2.5-7B"),
    "qwen2.5-0.5b": ("qwen", "medium", "Qwen2.5-0.5B"),
    "gemma-2-2b": ("gemma", "medium", "Gemma-2-2B"),
    "tinyllama": ("llama", "medium", "TinyLlama"),
    # Llama 3 and Mistral share every dimension.
    "llama-3.1-8b": ("llama", "low", "Mistral-7B"),
}


@pytest.mark.parametrize("model", LANGUAGE)
def test_language_models_are_guessed_by_their_dimensions(model):
    family, confidence, named = LANGUAGE[model]
    found = summarise(header(model, "peft"))
    assert (found.family, found.family_confidence) == (family, confidence)
    assert {"llama", "mistral", "qwen", "gemma"} == set(found.family_candidates)
    assert any(named in line for line in found.family_evidence)


def test_the_named_base_model_decides_or_is_contradicted():
    head = header("llama-3.1-8b", "peft")
    mistral = summarise(head, {"base_model_name_or_path": "mistralai/Mistral-7B-v0.3"})
    assert (mistral.family, mistral.family_confidence) == ("mistral", "medium")
    assert not any("disagrees" in line for line in mistral.family_evidence)
    small = summarise(head, {"base_model_name_or_path": "unsloth/Llama-3.2-1B-Instruct"})
    assert [line for line in small.family_evidence if "disagrees" in line] == [
        "adapter_config.json base_model_name_or_path (Llama-3.2-1B has other dimensions) disagrees"
    ]


def test_hunyuan_is_told_from_flux_by_a_missing_dot():
    found = summarise(header("hunyuan-video", "comfyui", only="att", blocks=4))
    assert "hunyuan-video" in found.family_candidates
    from lorahub.adapters import Header, TensorInfo

    shapes = {"lora_A": (4, 3072), "lora_B": (9216, 4)}
    name = "diffusion_model.double_blocks.3.img_attn_qkv"
    tensors, at = {}, 0
    for role, shape in shapes.items():
        size = 2 * shape[0] * shape[1]
        tensors[f"{name}.{role}.weight"] = TensorInfo("F16", shape, at, at + size)
        at += size
    found = summarise(Header(tensors, {}, 8, at + 8))
    assert (found.family, found.family_confidence) == ("hunyuan-video", "high")
