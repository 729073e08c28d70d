"""What another layout has no place for is refused or named; the rest is kept."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from lorahub.adapters import AdapterFileError, convert
from support import loras


def refused(code, *arguments, **options):
    with pytest.raises(AdapterFileError) as caught:
        convert(*arguments, **options)
    assert caught.value.code == code
    return caught.value


def effect(tensors, name, down="lora_A", up="lora_B", scale=1.0):
    first, second = tensors[f"{name}.{down}.weight"], tensors[f"{name}.{up}.weight"]
    return (
        scale
        * second.reshape(len(second), -1).astype("f8")
        @ first.reshape(len(first), -1).astype("f8")
    )


# ---- what has no place is refused -------------------------------------------------------------


def test_language_models_have_one_layout(tmp_path):
    loras.peft_folder(tmp_path / "p", loras.llama_modules())
    error = refused("no_map", tmp_path / "p", tmp_path / "b", layout="kohya")
    assert "language models" in str(error)


def test_lokr_is_refused_and_told_how(tmp_path):
    rng = np.random.default_rng(4)
    at = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k"
    tensors = {
        f"{at}.lokr_w1": rng.standard_normal((4, 4)),
        f"{at}.lokr_w2": rng.standard_normal((4, 192)),
    }
    save_file({n: t.astype("f4") for n, t in tensors.items()}, tmp_path / "a")
    error = refused("not_factors", tmp_path / "a", tmp_path / "b", layout="diffusers", family="sd1")
    assert "resize" in str(error)
    # The dtype alone can change, whatever the method.
    report = convert(tmp_path / "a", tmp_path / "c", dtype="fp16")
    assert report.dtypes == ["F16"]


def test_modules_to_save_have_no_place_elsewhere(tmp_path):
    folder = tmp_path / "p"
    loras.peft_folder(folder, {"mid_block.attentions.0.transformer_blocks.0.attn2.to_k": (16, 768)})
    tensors = load_file(folder / "adapter_model.safetensors")
    tensors["base_model.model.conv_norm_out.weight"] = np.ones(8, "f4")
    save_file(tensors, folder / "adapter_model.safetensors")
    refused("extra_tensors", folder, tmp_path / "b", layout="kohya")


def test_norm_differences_are_refused_unless_they_are_nothing(tmp_path):
    tensors = loras.kohya_tensors("wan-1.3b")
    tensors["diffusion_model.blocks.3.norm3.diff"] = np.zeros(1536, "f4")
    save_file(tensors, tmp_path / "a")
    report = convert(tmp_path / "a", tmp_path / "b", layout="diffusers")
    assert any("all zeros" in note for note in report.notes)
    tensors["diffusion_model.blocks.3.norm3.diff"][5] = 1
    save_file(tensors, tmp_path / "a")
    refused("not_factors", tmp_path / "a", tmp_path / "c", layout="diffusers")


def test_bias_differences_are_kept(tmp_path):
    tensors = loras.kohya_tensors("wan-1.3b", alpha=2.0)
    bias = np.linspace(-1, 1, 64, dtype="f4")
    tensors["lora_unet_blocks_3_ffn_0.diff_b"] = bias
    save_file(tensors, tmp_path / "a")
    convert(tmp_path / "a", tmp_path / "b", layout="diffusers")
    assert np.array_equal(
        load_file(tmp_path / "b")["transformer.blocks.3.ffn.net.0.proj.lora_B.bias"], bias
    )
    # PEFT scales its bias with the product: 2 / 4.
    convert(tmp_path / "a", tmp_path / "p", layout="peft")
    inside = load_file(tmp_path / "p" / "adapter_model.safetensors")[
        "base_model.model.blocks.3.ffn.net.0.proj.lora_B.bias"
    ]
    assert np.allclose(inside, 2 * bias)
    assert json.loads((tmp_path / "p" / "adapter_config.json").read_text())["lora_bias"]
    convert(tmp_path / "p", tmp_path / "k", layout="kohya", family="wan-1.3b")
    assert np.allclose(load_file(tmp_path / "k")["lora_unet_blocks_3_ffn_0.diff_b"], bias)


@pytest.mark.parametrize("shape", [(16, 1), (16,)])
def test_dora_magnitudes_of_rows_are_kept(tmp_path, shape):
    at = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k"
    tensors = loras.kohya_tensors("sd1", names=[(at, 16, 768, ())])
    tensors[f"{at}.dora_scale"] = np.arange(1, 17, dtype="f4").reshape(shape)
    save_file(tensors, tmp_path / "a")
    convert(tmp_path / "a", tmp_path / "b", layout="diffusers")
    made = load_file(tmp_path / "b")
    assert made[
        "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k.lora_magnitude_vector"
    ].tolist() == list(range(1, 17))
    report = convert(tmp_path / "b", tmp_path / "c", layout="kohya")
    assert load_file(tmp_path / "c")[f"{at}.dora_scale"].shape == (16, 1)
    assert any("DoRA" in note for note in report.notes)


def test_dora_magnitudes_of_columns_are_refused(tmp_path):
    at = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k"
    tensors = loras.kohya_tensors("sd1", names=[(at, 16, 768, ())])
    tensors[f"{at}.dora_scale"] = np.ones((1, 768), "f4")
    save_file(tensors, tmp_path / "a")
    refused("magnitude_of_columns", tmp_path / "a", tmp_path / "b", layout="diffusers")


def test_tucker_becomes_plain_and_equal(tmp_path):
    rng = np.random.default_rng(5)
    at = "lora_unet_down_blocks_0_resnets_0_conv1"
    to_k = ("lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k", 16, 768, ())
    tensors = loras.kohya_tensors("sd1", names=[to_k])
    core = {
        "lora_down.weight": (4, 16, 1, 1),
        "lora_mid.weight": (4, 4, 3, 3),
        "lora_up.weight": (16, 4, 1, 1),
    }
    tensors |= {
        f"{at}.{end}": rng.standard_normal(shape).astype("f4") for end, shape in core.items()
    }
    save_file(tensors, tmp_path / "a")
    convert(tmp_path / "a", tmp_path / "b", layout="diffusers")
    made = load_file(tmp_path / "b")
    down, mid, up = (tensors[f"{at}.{end}"].astype("f8") for end in core)
    wanted = np.einsum("mp,pqhw,qi->mihw", up[:, :, 0, 0], mid, down[:, :, 0, 0]).reshape(16, -1)
    assert np.allclose(effect(made, "unet.down_blocks.0.resnets.0.conv1"), wanted, atol=1e-4)


def test_unknown_modules_are_named(tmp_path):
    names = [*loras.kohya_names("wan-1.3b"), ("lora_unet_blocks_3_self_attn_zz", 8, 1536, ())]
    loras.kohya_file(tmp_path / "a", "wan-1.3b", names=names)
    assert "self_attn_zz" in str(
        refused("unknown_modules", tmp_path / "a", tmp_path / "b", layout="diffusers")
    )


def test_an_unclear_family_is_asked_for(tmp_path):
    names = [("lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q", 16, 16, ())]
    loras.kohya_file(tmp_path / "a", "sd1", names=names)
    refused("family_unclear", tmp_path / "a", tmp_path / "b", layout="diffusers")
    convert(tmp_path / "a", tmp_path / "b", layout="diffusers", family="sdxl")
    loras.kohya_file(tmp_path / "c", "sd1")
    refused("family_conflict", tmp_path / "c", tmp_path / "d", layout="diffusers", family="sdxl")
