"""Which program loads what: the table that people ask about, a row for each answer."""

import pytest

from lorahub.adapters import Header, TensorInfo, loaders, summarise
from support.shapes import header


def plain(shapes):
    tensors, at = {}, 0
    for name, shape in shapes.items():
        size = 2
        for each in shape:
            size *= each
        tensors[name] = TensorInfo("F16", tuple(shape), at, at + size)
        at += size
    return Header(tensors, {}, 8, at + 8)


XL = "lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k"
LOHA = {
    f"{XL}.hada_{w}": s
    for w, s in {"w1_a": (640, 4), "w1_b": (4, 2048), "w2_a": (640, 4), "w2_b": (4, 2048)}.items()
}
DORA = {
    f"{XL}.lora_down.weight": (4, 2048),
    f"{XL}.lora_up.weight": (640, 4),
    f"{XL}.dora_scale": (640, 1),
}
LLAMA = "base_model.model.model.layers.0.self_attn.q_proj"
BIAS = {
    f"{LLAMA}.lora_A.weight": (4, 64),
    f"{LLAMA}.lora_B.weight": (64, 4),
    f"{LLAMA}.lora_B.bias": (64,),
}
HUGE = {f"{LLAMA}.lora_A.weight": (600, 4096), f"{LLAMA}.lora_B.weight": (4096, 600)}
SAVED = {
    f"{LLAMA}.lora_A.weight": (4, 64),
    f"{LLAMA}.lora_B.weight": (64, 4),
    "base_model.model.lm_head.weight": (9, 64),
}
# ComfyUI, A1111/Forge, diffusers, PEFT, vLLM
TABLE = {
    "sd1 kohya": (header("sd1", "kohya"), "yes yes yes no no"),
    "sdxl kohya": (header("sdxl", "kohya"), "yes yes yes no no"),
    "sdxl diffusers": (header("sdxl", "diffusers"), "no no yes no no"),
    "flux comfyui": (header("flux1 original", "comfyui"), "yes no yes no no"),
    "flux kohya": (header("flux1 original", "kohya"), "yes partly yes no no"),
    "flux diffusers": (header("flux1", "diffusers"), "yes no yes no no"),
    "wan comfyui": (header("wan-14b", "comfyui"), "yes no yes no no"),
    "wan kohya": (header("wan-14b", "kohya"), "yes no yes no no"),
    "hunyuan image": (header("hunyuan-image", "kohya"), "yes no no no no"),
    "llama": (header("llama-2-7b", "peft"), "no no no yes yes"),
    "loha": (plain(LOHA), "yes yes no no no"),
    "dora": (plain(DORA), "yes yes partly no no"),
    "embedding": (plain({"clip_l": (2, 768), "clip_g": (2, 1280)}), "yes yes yes no no"),
    "bias": (plain(BIAS), "no no no yes no"),
    "huge rank": (plain(HUGE), "no no no yes no"),
    "whole head": (plain(SAVED), "no no no yes no"),
}


@pytest.mark.parametrize("what", TABLE)
def test_table(what):
    head, wanted = TABLE[what]
    found = loaders(summarise(head))
    assert [tool.name for tool in found] == ["ComfyUI", "A1111/Forge", "diffusers", "PEFT", "vLLM"]
    assert " ".join(tool.loads for tool in found) == wanted, [tool for tool in found if tool.why]
    assert all(tool.why.endswith(".") for tool in found if tool.loads != "yes")


def test_vllm_names_the_rank_to_allow():
    found = {tool.name: tool for tool in loaders(summarise(header("llama-3.2-1b", "peft")))}
    assert "--max-lora-rank 16" in found["vLLM"].why


def test_token_vectors_stop_the_converter_of_diffusers():
    shapes = {f"{XL}.lora_down.weight": (4, 2048), f"{XL}.lora_up.weight": (640, 4)}
    shapes["bundle_emb.sks.string_to_param.*"] = (1, 768)
    found = {tool.name: tool for tool in loaders(summarise(plain(shapes)))}
    assert (found["diffusers"].loads, found["ComfyUI"].loads) == ("partly", "yes")
