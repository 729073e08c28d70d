"""The demo's own base is a family like any other: told by its widths, never taken for another."""

import pytest
import torch
from diffusers import StableDiffusionPipeline
from peft import LoraConfig, PeftModel
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file

from lorahub.adapters import convert, inspect_file, read_header, summarise
from support import tiny_base

UNET = ["to_q", "to_k", "to_v", "to_out.0", "proj_in", "ff.net.0.proj", "conv1", "conv_shortcut"]
CLIP = ["q_proj", "out_proj", "fc1"]


@pytest.fixture(scope="module")
def base(shared_dir):
    return tiny_base.image_base(shared_dir)


def pipeline(base):
    return StableDiffusionPipeline.from_pretrained(base, safety_checker=None)


def adapted(base, targets, folder, *, text=False):
    """A LoRA with random weights, as diffusers itself saves it: no alpha is in the file."""
    torch.manual_seed(4)
    made = pipeline(base)
    options = {"r": 4, "lora_alpha": 2, "init_lora_weights": False}
    layers = {}
    if targets:
        made.unet.add_adapter(LoraConfig(target_modules=targets, **options))
        layers["unet_lora_layers"] = get_peft_model_state_dict(made.unet)
    if text:
        made.text_encoder.add_adapter(LoraConfig(target_modules=CLIP, **options))
        layers["text_encoder_lora_layers"] = get_peft_model_state_dict(made.text_encoder)
    StableDiffusionPipeline.save_lora_weights(folder, **layers)
    return folder / "pytorch_lora_weights.safetensors"


def deltas(model):
    return {
        name.removeprefix("base_model.model."): module.get_delta_weight(next(iter(module.lora_A)))
        for name, module in model.named_modules()
        if isinstance(module, BaseTunerLayer)
    }


def loaded(base, file):
    made = pipeline(base)
    made.load_lora_weights(file.parent, weight_name=file.name)
    return made


def family(file):
    with file.open("rb") as opened:
        return summarise(read_header(opened, file.stat().st_size))


def same(found, wanted):
    assert found.keys() == wanted.keys()
    for name, delta in wanted.items():
        torch.testing.assert_close(found[name], delta, rtol=1e-4, atol=1e-6)


def test_every_layout_loads_and_means_the_same(base, tmp_path):
    file = adapted(base, UNET, tmp_path / "trained", text=True)
    kohya, peft = tmp_path / "kohya.safetensors", tmp_path / "peft"
    back = tmp_path / "back.safetensors"
    convert(file, kohya, layout="kohya")
    convert(kohya, back, layout="diffusers")
    before, after = loaded(base, file), loaded(base, back)
    wanted = deltas(before.unet)
    assert len(wanted) > 60
    same(deltas(after.unet), wanted)
    same(deltas(after.text_encoder), deltas(before.text_encoder))
    assert {key.split("_text_model")[0] for key in load_file(kohya) if "text" in key} == {"lora_te"}
    for each in (file, kohya, back):
        found = family(each)
        assert (found.family, found.family_confidence) == ("shapes", "high")
        assert found.family_candidates == ["shapes"]
    # PEFT has an adapter for each model; without the text encoder there is one.
    unet = tmp_path / "unet"
    convert(adapted(base, UNET, unet), peft, layout="peft")
    same(deltas(PeftModel.from_pretrained(pipeline(base).unet, peft)), wanted)
    convert(peft, tmp_path / "again.safetensors", layout="kohya")
    assert family(tmp_path / "again.safetensors").family == "shapes"
    same(deltas(loaded(base, tmp_path / "again.safetensors").unet), wanted)


@pytest.mark.parametrize(
    "targets",
    [
        ["attn2.to_k"],
        ["attn1.to_q"],
        ["to_out.0"],
        ["attn2.to_q"],
        ["proj_in"],
        ["conv2"],
        ["ff.net.2"],
    ],
    ids=lambda names: names[0],
)
def test_a_part_is_enough(base, tmp_path, targets):
    file = adapted(base, targets, tmp_path)
    convert(file, tmp_path / "kohya.safetensors", layout="kohya", family="shapes")
    for each in (file, tmp_path / "kohya.safetensors"):
        assert family(each).family_candidates == ["shapes"]


def test_its_text_encoder_alone(base, tmp_path):
    file = adapted(base, [], tmp_path, text=True)
    convert(file, tmp_path / "kohya.safetensors", layout="kohya")
    for each in (file, tmp_path / "kohya.safetensors"):
        assert family(each).family_candidates == ["shapes"]


def test_it_is_measured_and_only_diffusers_runs_it(base, tmp_path):
    found = inspect_file(tiny_base.adapter(base, tmp_path / "a.safetensors", layout="kohya"))
    assert found["families"][0]["name"] == "shapes"
    assert {tool["name"]: tool["loads"] for tool in found["tools"]} == {
        "ComfyUI": "no", "A1111/Forge": "no", "diffusers": "yes", "PEFT": "no", "vLLM": "no",
    }  # fmt: skip
