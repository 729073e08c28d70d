"""Layouts and dtypes: the same effect, proven; what can't be is refused."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from lorahub.adapters import AdapterFileError, convert, open_tensors, verify
from support import loras


def header_of(path):
    with safe_open(path, "np") as file:
        return file.metadata()


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


@pytest.mark.parametrize("dtype", ["fp32", "fp16", "bf16"])
@pytest.mark.parametrize("layout", ["diffusers", "peft", "kohya", "comfyui"])
@pytest.mark.parametrize("family", ["sd1", "sdxl", "wan-1.3b", "lumina2"])
def test_there_and_back(tmp_path, family, layout, dtype):
    source, there, back = (tmp_path / name for name in ("a.safetensors", "b", "c.safetensors"))
    loras.kohya_file(source, family, alpha=3.0)
    if layout == "comfyui" and family in ("sd1", "sdxl"):
        refused("no_map", source, there, layout=layout)
        return
    report = convert(source, there, layout=layout, dtype=dtype)
    assert report.count > 0
    assert not report.lossy
    convert(there, back, layout="kohya", dtype="fp32", family=family)
    allowed = {"fp32": 3e-7, "fp16": 2e-3, "bf16": 1.6e-2}[dtype]
    assert verify(source, back) <= allowed
    assert set(load_file(source)) == set(load_file(back))


@pytest.mark.parametrize("family", loras.FAMILIES)
def test_every_family_goes_through_diffusers_unchanged(tmp_path, family):
    source, there, back = (tmp_path / name for name in ("a.safetensors", "b", "c.safetensors"))
    before = loras.kohya_file(source, family, alpha=2.0)
    convert(source, there, layout="diffusers")
    convert(there, back, layout="kohya")
    after = load_file(back)
    assert before.keys() == after.keys()
    # Powers of two are shared out between the factors, so every bit stays.
    assert verify(source, back, family=family) == 0
    # q, k and v shared one factor; they share it again, instead of each having its own.
    assert {n: a.shape for n, a in before.items()} == {n: a.shape for n, a in after.items()}


# ---- faults of the usual converters -----------------------------------------------------------


@pytest.mark.parametrize("alpha", [1.0, 4.0, 16.0, 0.7, 1e-3])
def test_alpha_is_never_dropped_nor_written_as_rank(tmp_path, alpha):
    source = tmp_path / "a.safetensors"
    before = loras.kohya_file(source, "wan-1.3b", alpha=alpha)
    convert(source, tmp_path / "b", layout="diffusers")
    made = load_file(tmp_path / "b")
    assert not any("alpha" in name for name in made)
    wanted = effect(before, "lora_unet_blocks_3_self_attn_q", "lora_down", "lora_up", alpha / 4)
    assert np.allclose(
        effect(made, "transformer.blocks.3.attn1.to_q"), wanted, rtol=1e-6, atol=1e-7
    )
    convert(source, tmp_path / "c", layout="kohya")
    assert load_file(tmp_path / "c")["lora_unet_blocks_3_self_attn_q.alpha"] == np.float32(alpha)
    convert(source, tmp_path / "d", layout="peft")
    config = json.loads((tmp_path / "d" / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"]) == (4, pytest.approx(alpha, rel=1e-7))


def test_alpha_from_the_configuration_goes_into_the_file(tmp_path):
    loras.peft_folder(
        tmp_path / "p",
        {"down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k": (16, 768)},
        alpha=16,
    )
    convert(tmp_path / "p", tmp_path / "k", layout="kohya")
    made = load_file(tmp_path / "k")
    assert made["lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k.alpha"] == 16


def test_without_alpha_the_scale_is_one(tmp_path):
    before = loras.kohya_file(tmp_path / "a", "wan-1.3b", alpha=None)
    report = convert(tmp_path / "a", tmp_path / "b", layout="diffusers")
    assert report.error == 0
    convert(tmp_path / "a", tmp_path / "c", layout="kohya")
    made = load_file(tmp_path / "c")
    assert made["lora_unet_blocks_3_self_attn_q.alpha"] == 4
    name = "lora_unet_blocks_3_ffn_0.lora_up.weight"
    assert np.array_equal(made[name], before[name])


def test_every_name_has_its_prefix(tmp_path):
    for family in ("flux1", "sd3.5-medium", "hunyuan-video"):
        loras.kohya_file(tmp_path / "a", family)
        convert(tmp_path / "a", tmp_path / "b", layout="diffusers", force=True)
        assert all(
            name.startswith(("transformer.", "text_encoder.")) for name in load_file(tmp_path / "b")
        )


def test_names_of_transformers_5_get_their_segment_back(tmp_path):
    """Without text_model. the key maps of ComfyUI and A1111 do not know them."""
    rng = np.random.default_rng(1)
    tensors = {}
    for module, out, inner in (
        ("text_encoder.encoder.layers.0.self_attn.q_proj", 768, 768),
        ("unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k", 16, 768),
    ):
        down, up = loras.kohya_module(rng, out, inner)
        tensors |= {f"{module}.lora_A.weight": down, f"{module}.lora_B.weight": up}
    save_file(tensors, tmp_path / "a")
    convert(tmp_path / "a", tmp_path / "b", layout="kohya")
    assert "lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_down.weight" in load_file(
        tmp_path / "b"
    )


def test_sdxl_is_written_with_the_names_of_its_own_trainer(tmp_path):
    names = [("lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k", 16, 2048, ())]
    loras.kohya_file(tmp_path / "a", "sdxl", names=names)
    convert(tmp_path / "a", tmp_path / "b", layout="kohya")
    assert "lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k.alpha" in load_file(
        tmp_path / "b"
    )


def test_alpha_zero_is_asked_about(tmp_path):
    loras.kohya_file(tmp_path / "a", "wan-1.3b", alpha=0.0)
    refused("alpha_zero", tmp_path / "a", tmp_path / "b", layout="diffusers")


def test_peft_without_configuration_has_no_scale(tmp_path):
    loras.peft_folder(tmp_path / "p", loras.llama_modules())
    (tmp_path / "p" / "adapter_config.json").unlink()
    refused("scale_unknown", tmp_path / "p", tmp_path / "b", layout="peft")


def test_rslora_is_scaled_by_the_root(tmp_path):
    modules = {"mid_block.attentions.0.transformer_blocks.0.attn2.to_k": (16, 768)}
    loras.peft_folder(tmp_path / "p", modules, rank=16, alpha=8, use_rslora=True)
    convert(tmp_path / "p", tmp_path / "k", layout="kohya")
    alpha = load_file(tmp_path / "k")[
        "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k.alpha"
    ]
    assert alpha == 32  # 8 / sqrt(16) = 2 = 32 / 16


def test_mixed_ranks_and_alphas_are_told_to_the_readers(tmp_path):
    rng = np.random.default_rng(2)
    tensors = {}
    for name, rank, alpha in (("q", 4, 2.0), ("k", 4, 2.0), ("v", 8, 1.0), ("o", 2, 2.0)):
        down, up = loras.kohya_module(rng, 1536, 1536, rank)
        at = f"lora_unet_blocks_0_self_attn_{name}"
        tensors |= {
            f"{at}.lora_down.weight": down,
            f"{at}.lora_up.weight": up,
            f"{at}.alpha": np.float32(alpha),
        }
    save_file({n: np.asarray(t) for n, t in tensors.items()}, tmp_path / "a")
    convert(tmp_path / "a", tmp_path / "p", layout="peft")
    config = json.loads((tmp_path / "p" / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"]) == (4, 2)
    assert config["rank_pattern"] == {
        r"^blocks\.0\.attn1\.to_v": 8,
        r"^blocks\.0\.attn1\.to_out\.0": 2,
    }
    assert config["alpha_pattern"] == {r"^blocks\.0\.attn1\.to_v": 1}
    convert(tmp_path / "a", tmp_path / "d", layout="diffusers")
    told = json.loads(header_of(tmp_path / "d")["lora_adapter_metadata"])
    assert told["transformer.rank_pattern"] == config["rank_pattern"]
    assert told["transformer.alpha_pattern"] == told["transformer.rank_pattern"]
    # The layout of kohya says it by itself.
    convert(tmp_path / "d", tmp_path / "k", layout="kohya")
    assert verify(tmp_path / "a", tmp_path / "k") < 1e-6


def test_a_name_without_a_dot_is_no_suffix_for_peft(tmp_path):
    """ "proj_out" in a list would also mean every single block's proj_out."""
    names = [
        ("lora_unet_final_layer_linear", 64, 3072, ()),
        ("lora_unet_single_blocks_0_modulation_lin", 96, 3072, ()),
    ]
    loras.kohya_file(tmp_path / "a", "flux1", names=names)
    convert(tmp_path / "a", tmp_path / "p", layout="peft")
    targets = json.loads((tmp_path / "p" / "adapter_config.json").read_text())["target_modules"]
    assert targets == r"proj_out|single_transformer_blocks\.0\.norm\.linear"


# ---- fused projections ------------------------------------------------------------------------


def test_block_diagonal_fusions_come_apart_thin(tmp_path):
    rng = np.random.default_rng(3)
    up = np.zeros((3 * 96, 12), "f4")
    for part in range(3):
        up[part * 96 : (part + 1) * 96, part * 4 : (part + 1) * 4] = rng.standard_normal((96, 4))
    down = rng.standard_normal((12, 96)).astype("f4")
    at = "lora_unet_double_blocks_0_img_attn_qkv"
    other = {
        f"lora_unet_double_blocks_0_img_mod_lin.{end}": a
        for end, a in zip(
            ("lora_down.weight", "lora_up.weight"), loras.kohya_module(rng, 6 * 96, 96), strict=True
        )
    }
    save_file(
        {
            f"{at}.lora_down.weight": down,
            f"{at}.lora_up.weight": up,
            f"{at}.alpha": np.asarray(6, "f4"),
            **other,
        },
        tmp_path / "a",
    )
    convert(tmp_path / "a", tmp_path / "b", layout="diffusers")
    made = load_file(tmp_path / "b")
    assert made["transformer.transformer_blocks.0.attn.to_k.lora_A.weight"].shape == (4, 96)
    convert(tmp_path / "b", tmp_path / "c", layout="kohya", family="flux1")
    assert load_file(tmp_path / "c")[f"{at}.lora_down.weight"].shape == (12, 96)
    assert verify(tmp_path / "a", tmp_path / "c") < 1e-9


@settings(max_examples=25, deadline=None)
@given(
    present=st.sets(st.sampled_from(["to_q", "to_k", "to_v", "proj_mlp"]), min_size=1),
    ranks=st.lists(st.integers(1, 5), min_size=4, max_size=4),
    scales=st.lists(st.sampled_from([1, 2, 5]), min_size=4, max_size=4),
    seed=st.integers(0, 5),
)
def test_any_parts_make_a_whole(tmp_path_factory, present, ranks, scales, seed):
    """Missing parts are zeros, ranks add up, scales may differ: nothing of it changes the effect."""
    folder = tmp_path_factory.mktemp("fuse")
    rng = np.random.default_rng(seed)
    width = 12
    modules = {"transformer_blocks.0.norm1.linear": (72, 4, 1)}
    for part, rank, scale in zip(("to_q", "to_k", "to_v", "proj_mlp"), ranks, scales, strict=True):
        if part in present:
            path = part if part == "proj_mlp" else f"attn.{part}"
            modules[f"single_transformer_blocks.3.{path}"] = (
                48 if part == "proj_mlp" else 12,
                rank,
                scale,
            )
    tensors = {}
    alphas = {}
    for path, (height, rank, scale) in modules.items():
        down, up = loras.kohya_module(rng, height, width, rank)
        tensors |= {
            f"base_model.model.{path}.lora_A.weight": down,
            f"base_model.model.{path}.lora_B.weight": up,
        }
        alphas[f"^{path.replace('.', chr(92) + '.')}"] = scale * rank
    save_file(tensors, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(
        json.dumps({"peft_type": "LORA", "r": 4, "lora_alpha": 4, "alpha_pattern": alphas})
    )
    report = convert(folder, folder / "k", layout="kohya", family="flux1")
    assert report.error < 1e-6
    made = load_file(folder / "k")
    at = "lora_unet_single_blocks_3_linear1"
    whole = effect(
        made,
        at,
        "lora_down",
        "lora_up",
        float(made[f"{at}.alpha"]) / len(made[f"{at}.lora_down.weight"]),
    )
    assert whole.shape == (84, 12)
    row = 0
    for part, height in (("attn.to_q", 12), ("attn.to_k", 12), ("attn.to_v", 12), ("proj_mlp", 48)):
        path = f"single_transformer_blocks.3.{part}"
        if path in modules:
            wanted = effect(tensors, f"base_model.model.{path}", scale=modules[path][2])
            assert np.allclose(whole[row : row + height], wanted, atol=1e-5)
        else:
            assert not whole[row : row + height].any()
        row += height


# ---- dtypes -----------------------------------------------------------------------------------


def test_overflow_is_refused(tmp_path):
    tensors = loras.kohya_tensors("wan-1.3b")
    tensors["lora_unet_blocks_3_ffn_0.lora_up.weight"][0, 0] = 1e6
    save_file(tensors, tmp_path / "a")
    error = refused("overflow", tmp_path / "a", tmp_path / "b", dtype="fp16")
    assert error.key == "lora_unet_blocks_3_ffn_0.lora_up.weight"
    assert not (tmp_path / "b").exists()
    convert(tmp_path / "a", tmp_path / "b", dtype="bf16")


@pytest.mark.parametrize("layout", ["kohya", "diffusers"])
def test_weak_adapters_survive_fp16(tmp_path, layout):
    """The upper factors would lose most of their digits in fp16, or all."""
    tensors = loras.kohya_tensors("wan-1.3b", alpha=4.0)
    for name in tensors:
        if name.endswith("lora_up.weight"):
            tensors[name] *= np.float32(1e-12 if layout == "kohya" else 1e-8)
    save_file(tensors, tmp_path / "a")
    report = convert(tmp_path / "a", tmp_path / "b", layout=layout, dtype="fp16")
    assert report.error < 2e-3
    # Tensor by tensor, without knowing what belongs together, it is lost, and said to be.
    plain = convert(tmp_path / "a", tmp_path / "c", dtype="fp16")
    assert any("became zero" in note for note in plain.notes)


def test_large_and_small_factors_meet(tmp_path):
    tensors = loras.kohya_tensors("wan-1.3b", alpha=4.0)
    for name in tensors:
        if name.endswith("weight"):
            tensors[name] *= np.float32(1e6 if "up" in name else 1e-7)
    save_file(tensors, tmp_path / "a")
    assert convert(tmp_path / "a", tmp_path / "b", layout="diffusers", dtype="fp16").error < 2e-3


@pytest.mark.parametrize("dtype", ["fp8_e4m3", "fp8_e5m2"])
def test_eight_bits(tmp_path, dtype):
    loras.kohya_file(tmp_path / "a", "wan-1.3b", alpha=4.0)
    report = convert(tmp_path / "a", tmp_path / "b", layout="kohya", dtype=dtype)
    assert 0.01 < report.error < 0.3


# ---- metadata, recipes, places ----------------------------------------------------------------


def test_metadata_is_carried_and_hashes_are_made_new(tmp_path):
    before = {
        "ss_output_name": "x",
        "ss_network_dim": "4",
        "modelspec.title": "A title",
        "sshs_model_hash": "0" * 64,
        "sshs_legacy_hash": "abc",
        "modelspec.hash_sha256": "0x00",
        "lora_adapter_metadata": "{}",
    }
    loras.kohya_file(tmp_path / "a", "wan-1.3b", metadata=before)
    convert(tmp_path / "a", tmp_path / "b", layout="kohya", dtype="fp16")
    content = (tmp_path / "b").read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    sha = hashlib.sha256(content[start:]).hexdigest()
    found = header_of(tmp_path / "b")
    assert (found["sshs_model_hash"], found["modelspec.hash_sha256"]) == (sha, f"0x{sha}")
    assert (found["ss_output_name"], found["modelspec.title"]) == ("x", "A title")
    assert not {"sshs_legacy_hash", "lora_adapter_metadata"} & found.keys()
    recipe = json.loads(found["lorahub.recipe"])
    assert recipe["operation"] == "convert"
    assert recipe["options"] == {"layout": "kohya", "dtype": "F16"}
    assert recipe["sources"] == [
        {"sha256": hashlib.sha256((tmp_path / "a").read_bytes()).hexdigest()}
    ]


def test_the_same_call_makes_the_same_bytes(tmp_path):
    loras.kohya_file(tmp_path / "a", "sd1")
    for name in ("b", "c"):
        convert(tmp_path / "a", tmp_path / name, layout="diffusers", dtype="bf16")
    assert (tmp_path / "b").read_bytes() == (tmp_path / "c").read_bytes()


def test_nothing_is_overwritten_unasked(tmp_path):
    loras.kohya_file(tmp_path / "a", "wan-1.3b")
    (tmp_path / "b").write_text("mine")
    refused("already_there", tmp_path / "a", tmp_path / "b", layout="diffusers")
    assert (tmp_path / "b").read_text() == "mine"
    convert(tmp_path / "a", tmp_path / "b", layout="diffusers", force=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_each_text_encoder_is_a_peft_adapter_of_its_own(tmp_path):
    loras.kohya_file(tmp_path / "a", "sdxl")
    report = convert(tmp_path / "a", tmp_path / "p", layout="peft")
    assert sorted(str(path.relative_to(tmp_path / "p")) for path in report.files) == [
        "adapter_config.json", "adapter_model.safetensors",
        "text_encoder/adapter_config.json", "text_encoder/adapter_model.safetensors",
        "text_encoder_2/adapter_config.json", "text_encoder_2/adapter_model.safetensors",
    ]  # fmt: skip
    assert verify(tmp_path / "a", tmp_path / "p") == 0


def test_the_proof_finds_a_fault(tmp_path, monkeypatch):
    """A converter with a fault gets nothing past it."""
    from lorahub.adapters.remake import encode

    loras.kohya_file(tmp_path / "a", "wan-1.3b", alpha=2.0)
    monkeypatch.setattr(encode, "fold", lambda factors: (replace(factors, scale=1.0), False))
    refused("not_proven", tmp_path / "a", tmp_path / "b", layout="diffusers")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_files_open_as_ours_too(tmp_path):
    loras.kohya_file(tmp_path / "a", "wan-1.3b")
    convert(tmp_path / "a", tmp_path / "b", layout="kohya", dtype="bf16")
    with open_tensors(tmp_path / "b") as tensors:
        assert {info.dtype for info in tensors.header.tensors.values()} == {"BF16", "F32"}
