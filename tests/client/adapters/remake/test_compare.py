"""Two adapters side by side; and the line that names what is to be made of one."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from lorahub.adapters import (
    AdapterFileError,
    compare,
    convert,
    difference,
    make_plan,
    make_variant,
    read_recipe,
    resize,
    verify,
)
from support import loras

AT = "lora_unet_blocks_3_self_attn_q"
NAMES = [(AT, 40, 1536, ()), ("lora_unet_blocks_3_ffn_0", 24, 1536, ())]


def write(path, *, names=NAMES, **options):
    return loras.kohya_file(path, "wan-1.3b", names=names, **options)


def test_another_layout_is_the_same(tmp_path):
    write(tmp_path / "a", alpha=3.0)
    convert(tmp_path / "a", tmp_path / "b", layout="diffusers")
    found = compare(tmp_path / "a", tmp_path / "b")
    assert found.counts == {"same": 2}
    assert (found.cosine, found.ratio) == (pytest.approx(1), pytest.approx(1))
    assert found.facts["layout"] == ["kohya", "diffusers"]


def test_a_narrow_dtype_is_the_same_but_for_rounding(tmp_path):
    write(tmp_path / "a")
    convert(tmp_path / "a", tmp_path / "b", dtype="bf16")
    found = compare(tmp_path / "a", tmp_path / "b")
    assert found.counts == {"rounded": 2}
    assert found.cosine > 0.9999


def test_figures_are_those_of_the_dense_products(tmp_path):
    one = write(tmp_path / "a", seed=1, alpha=2.0)
    other = write(tmp_path / "b", seed=2, rank=6, alpha=6.0)
    found = compare(tmp_path / "a", tmp_path / "b")
    wanted = []
    for tensors, scale in ((one, 0.5), (other, 1.0)):
        wanted.append(
            [
                scale
                * tensors[f"{n}.lora_up.weight"].astype("f8")
                @ tensors[f"{n}.lora_down.weight"].astype("f8")
                for n, *_ in NAMES
            ]
        )
    pair = next(pair for pair in found.modules if pair.name.endswith("attn1.to_q"))
    first, second = wanted[0][0], wanted[1][0]
    norms = np.linalg.norm(first), np.linalg.norm(second)
    assert pair.cosine == pytest.approx(np.sum(first * second) / norms[0] / norms[1], abs=1e-6)
    assert pair.ratio == pytest.approx(norms[1] / norms[0], rel=1e-5)
    assert pair.difference == pytest.approx(np.linalg.norm(first - second) / norms[0], rel=1e-5)
    assert pair.ranks == (4, 6)
    flat = [np.concatenate([m.reshape(-1) for m in matrices]) for matrices in wanted]
    cosine = flat[0] @ flat[1] / np.linalg.norm(flat[0]) / np.linalg.norm(flat[1])
    assert found.cosine == pytest.approx(cosine, abs=1e-6)


def test_modules_of_one_alone_count_as_zeros(tmp_path):
    write(tmp_path / "a")
    write(tmp_path / "b", names=NAMES[:1])
    found = compare(tmp_path / "a", tmp_path / "b")
    assert found.counts["removed"] == 1
    assert found.cosine < 1
    with pytest.raises(AdapterFileError):
        verify(tmp_path / "a", tmp_path / "b")


def test_metadata_and_trigger_words(tmp_path):
    write(tmp_path / "a", metadata={"modelspec.trigger_phrase": "cat, dog", "x": "1"})
    write(tmp_path / "b", metadata={"modelspec.trigger_phrase": "dog, bird", "x": "1", "y": "2"})
    found = compare(tmp_path / "a", tmp_path / "b")
    assert found.triggers == {"kept": ["dog"], "removed": ["cat"], "added": ["bird"]}
    assert found.metadata["y"] == [None, "2"]
    assert "x" not in found.metadata
    assert json.dumps(found.to_dict())


def test_difference_of_files(tmp_path):
    write(tmp_path / "a")
    assert difference(tmp_path / "a", tmp_path / "a")["same"]
    tensors = load_file(tmp_path / "a")
    tensors[f"{AT}.lora_up.weight"][0, 0] += 1
    tensors[f"{AT}.lora_down.weight"] = tensors[f"{AT}.lora_down.weight"].astype("f2")
    del tensors[f"{AT}.alpha"]
    save_file(tensors, tmp_path / "b")
    found = difference(tmp_path / "a", tmp_path / "b")
    assert not found["same"]
    assert found["tensors"]["removed"] == [f"{AT}.alpha"]
    assert found["tensors"]["values"] == [f"{AT}.lora_up.weight"]
    assert found["tensors"]["changed"] == {
        f"{AT}.lora_down.weight": ["F32 [4, 1536]", "F16 [4, 1536]"]
    }


# ---- plans ------------------------------------------------------------------------------------


def test_a_plan_is_one_line_and_comes_back():
    plan = make_plan(layout="kohya", dtype="float16", rank=16)
    assert plan.recipe == "layout=kohya dtype=fp16 rank=16"
    assert plan.label == "kohya-fp16-r16"
    assert read_recipe(plan.recipe) == plan
    assert make_plan(energy=0.95).recipe == "energy=0.95"
    assert make_plan(layout="kohya", dtype="F16", rank=16) == plan
    named = make_plan(layout="peft", family="sd3.5-medium")
    assert named.recipe == "layout=peft family=sd3.5-medium"
    assert read_recipe(named.recipe) == named
    # Of no use where the names stay.
    assert make_plan(rank=4, family="sdxl") == make_plan(rank=4)


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"layout": "png"},
        {"dtype": "fp4"},
        {"rank": 0},
        {"rank": 9999},
        {"energy": 2.0},
        {"energy": float("nan")},
        {"family": "sdxl"},
        {"layout": "kohya", "family": "sd xl"},
        {"layout": "kohya", "family": ""},
    ],
)
def test_plans_that_can_t_be(wish):
    with pytest.raises(AdapterFileError):
        make_plan(**wish)


@pytest.mark.parametrize("recipe", ["", "layout", "rank=x", "rank=1 rank=2", "color=red"])
def test_recipes_that_can_t_be(recipe):
    with pytest.raises(AdapterFileError):
        read_recipe(recipe)


def test_variants(tmp_path):
    write(tmp_path / "a.safetensors")
    for number, wish in enumerate(
        ({"layout": "diffusers"}, {"dtype": "fp16"}, {"rank": 2, "layout": "peft"}, {"energy": 0.5})
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        files, report = make_variant(tmp_path / "a.safetensors", None, folder, make_plan(**wish))
        assert files[0].suffix == ".safetensors"
        assert all(file.is_file() and folder in file.parents for file in files)
        assert report.files
        assert json.dumps(report.to_dict())
        assert len(files) == (2 if wish.get("layout") == "peft" else 1)


def test_a_variant_of_a_peft_adapter_whose_configuration_is_elsewhere(tmp_path):
    """As in the hub, where files lie under their hash."""
    loras.peft_folder(tmp_path / "p", loras.llama_modules(), alpha=2)
    config = json.loads((tmp_path / "p" / "adapter_config.json").read_text())
    stored = (tmp_path / "p" / "adapter_model.safetensors").rename(tmp_path / "0123abcd")
    for number, wish in enumerate(
        ({"dtype": "bf16"}, {"rank": 2}, {"layout": "peft", "dtype": "fp16"})
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        files, _ = make_variant(stored, config, folder, make_plan(**wish))
        assert [file.name for file in files] == ["adapter_model.safetensors", "adapter_config.json"]
        made = json.loads(files[1].read_text())
        assert made["lora_alpha"] / made["r"] == (0.5 if "rank" not in wish else 1)


def test_the_proof_of_a_cut_is_what_was_predicted(tmp_path):
    write(tmp_path / "a")
    report = resize(tmp_path / "a", tmp_path / "b", rank=2)
    lost = max((1 - float(each["energy"])) ** 0.5 for each in report.modules)
    assert report.error == pytest.approx(lost, rel=1e-3)


# ---- ComfyUI ----------------------------------------------------------------------------------


def comfy_keys(family):
    """The module names that ComfyUI's loader looks up, made from the model's own weights: the
    flattened name behind lora_unet_, and for transformers the dotted one behind diffusion_model.
    """
    originals = {
        "flux1": [f"double_blocks.{n}.{s}_{m}" for n in range(19) for s in ("img", "txt") for m in ("attn.qkv", "attn.proj", "mlp.0", "mlp.2", "mod.lin")]
        + [f"single_blocks.{n}.{m}" for n in range(38) for m in ("linear1", "linear2", "modulation.lin")]
        + ["img_in", "txt_in", "final_layer.linear", "final_layer.adaLN_modulation.1"],
        "wan-1.3b": [f"blocks.{n}.{a}.{m}" for n in range(30) for a in ("self_attn", "cross_attn") for m in "qkvo"]
        + [f"blocks.{n}.ffn.{m}" for n in range(30) for m in (0, 2)],
        "lumina2": [f"{s}.{n}.{m}" for s in ("layers", "noise_refiner", "context_refiner") for n in range(26) for m in ("attention.qkv", "attention.out", "feed_forward.w1", "feed_forward.w2", "feed_forward.w3", "adaLN_modulation.1")],
    }[family]  # fmt: skip
    keys = {f"lora_unet_{name.replace('.', '_')}" for name in originals}
    keys |= {f"diffusion_model.{name}" for name in originals}
    for layer in range(24):
        for part in (
            "self_attn.q_proj",
            "self_attn.k_proj",
            "self_attn.v_proj",
            "self_attn.out_proj",
            "mlp.fc1",
            "mlp.fc2",
        ):
            path = f"text_model.encoder.layers.{layer}.{part}"
            keys |= {
                f"lora_te1_{path.replace('.', '_')}",
                f"text_encoders.clip_l.transformer.{path}",
            }
    return keys


@pytest.mark.parametrize("layout", ["kohya", "comfyui"])
@pytest.mark.parametrize("family", ["flux1", "wan-1.3b", "lumina2"])
def test_comfyui_finds_every_module(tmp_path, family, layout):
    loras.kohya_file(tmp_path / "a", family, rank=1)
    convert(tmp_path / "a", tmp_path / "d", layout="diffusers")
    convert(tmp_path / "d", tmp_path / "b", layout=layout)
    ends = (".lora_down.weight", ".lora_up.weight", ".alpha", ".lora_A.weight", ".lora_B.weight")
    known = comfy_keys(family)
    for name in load_file(tmp_path / "b"):
        module, end = next((name.removesuffix(end), end) for end in ends if name.endswith(end))
        assert module in known, name
        # Without a tensor for it ComfyUI takes the scale for one.
        assert end != ".alpha" or layout == "kohya"
