"""Our names, splits and casts against those of diffusers and torch."""

import numpy as np
import pytest
import torch
from diffusers.loaders import lora_conversion_utils as theirs
from diffusers.loaders.single_file_utils import convert_sd3_transformer_checkpoint_to_diffusers
from hypothesis import given, settings
from hypothesis import strategies as st
from peft.utils.merge_utils import ties
from safetensors.torch import load_file

from lorahub.adapters import convert
from lorahub.adapters.remake.casting import encode
from lorahub.adapters.remake.combine import elect, keep_largest
from support import loras

TORCH = {
    "F16": (torch.float16, np.uint16),
    "BF16": (torch.bfloat16, np.uint16),
    "F8_E4M3": (torch.float8_e4m3fn, np.uint8),
    "F8_E5M2": (torch.float8_e5m2, np.uint8),
}
LARGEST = {"F16": 65504.0, "BF16": 3.3895e38, "F8_E4M3": 448.0, "F8_E5M2": 57344.0}


def theirs_of(array, dtype):
    kind, bits = TORCH[dtype]
    narrow = torch.int16 if bits is np.uint16 else torch.uint8
    return torch.from_numpy(array).to(kind).view(narrow).numpy().view(bits)


@pytest.mark.parametrize("dtype", TORCH)
def test_every_rounding_of_float32_is_torch_s(dtype):
    rng = np.random.default_rng(1)
    spread = rng.standard_normal(200_000) * 2.0 ** rng.integers(-30, 15, 200_000)
    # Every half of the dtype's own steps too, where ties are decided.
    codes = np.arange(2 ** (8 * TORCH[dtype][1]().itemsize), dtype=TORCH[dtype][1])
    if codes.itemsize == 2:
        own = torch.from_numpy(codes.view(np.int16)).view(TORCH[dtype][0]).float().numpy()
    else:
        own = torch.from_numpy(codes).view(TORCH[dtype][0]).float().numpy()
    own = np.sort(own[np.isfinite(own)]).astype(np.float64)
    halves = (own[1:] + own[:-1]) / 2
    values = np.concatenate([spread, own, halves, [0.0, -0.0]]).astype(np.float32)
    values = values[np.abs(values) <= LARGEST[dtype]]
    made, losses = encode(values, dtype)
    assert losses.overflow == 0
    assert np.array_equal(made.view(TORCH[dtype][1]), theirs_of(values, dtype))


@pytest.mark.parametrize("dtype", TORCH)
def test_overflow_is_counted_and_nan_stays(dtype):
    values = np.array([LARGEST[dtype] * 1.2, -LARGEST[dtype] * 1.2, np.nan, 1.0], np.float64)
    made, losses = encode(values, dtype)
    assert losses.overflow == 2
    kind, _ = TORCH[dtype]
    raw = made.view("u1")
    back = torch.from_numpy(raw.copy()).view(kind).float()
    assert torch.isnan(back[2])
    assert back[3] == 1


def test_underflow_is_counted():
    made, losses = encode(np.array([1e-9, 0.0, 1.0], np.float32), "F16")
    assert (losses.underflow, losses.overflow) == (1, 0)
    assert made[0] == 0


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(-1e30, 1e30), min_size=1, max_size=20))
def test_doubles_are_rounded_once(values):
    """Through float32 a number near a tie may be rounded twice, and wrongly."""
    array = np.array(values, np.float64)
    made, _ = encode(array, "BF16")
    wide = (made.astype("<u4") << 16).view("<f4").astype(np.float64)
    below = ((made - 1).astype("<u4") << 16).view("<f4").astype(np.float64)
    above = ((made + 1).astype("<u4") << 16).view("<f4").astype(np.float64)
    error = np.abs(wide - array)
    for other in (below, above):
        with np.errstate(invalid="ignore"):
            assert not np.any(
                (np.abs(other - array) < error) & np.isfinite(other) & (made & 0x7FFF > 0)
            )


def test_a_double_just_above_a_tie_goes_up():
    tie = 1.0 + 2.0**-8  # halfway between two bf16 numbers; ties go to the even 1.0
    made, _ = encode(np.array([tie, tie + 2.0**-40]), "BF16")
    assert made.tolist() == [0x3F80, 0x3F81]


def test_ties_is_peft_s():
    rng = np.random.default_rng(0)
    matrices = [rng.standard_normal((30, 20)).astype("f4") for _ in range(3)]
    weights = [0.5, 1.0, -0.3]
    wanted = ties([torch.from_numpy(m) for m in matrices], torch.tensor(weights), 0.4)
    ours = elect([keep_largest(m.copy(), 0.4) for m in matrices], weights)
    assert np.allclose(ours, wanted.numpy(), atol=1e-6)


# ---- names and splits -------------------------------------------------------------------------


def product(tensors, name):
    """What the module does to three fixed inputs: as telling as the product, and small."""
    down, up = tensors[f"{name}.lora_A.weight"].double(), tensors[f"{name}.lora_B.weight"].double()
    inputs = torch.randn(down.shape[1], 3, generator=torch.Generator().manual_seed(5))
    return up @ (down @ inputs.double())


def assert_same_products(ours, other):
    names = {key.removesuffix(".lora_A.weight") for key in ours if key.endswith(".lora_A.weight")}
    assert names == {
        k.removesuffix(".lora_A.weight") for k in other if k.endswith(".lora_A.weight")
    }
    for name in names:
        torch.testing.assert_close(product(ours, name), product(other, name), rtol=1e-5, atol=1e-5)


def both(tmp_path, family, **options):
    loras.kohya_file(tmp_path / "kohya.safetensors", family, **options)
    convert(tmp_path / "kohya.safetensors", tmp_path / "ours.safetensors", layout="diffusers")
    return load_file(tmp_path / "kohya.safetensors"), load_file(tmp_path / "ours.safetensors")


def comfy(tmp_path):
    convert(tmp_path / "kohya.safetensors", tmp_path / "comfy.safetensors", layout="comfyui")
    return load_file(tmp_path / "comfy.safetensors")


def test_flux_against_diffusers(tmp_path):
    # Left out: what their converter gets wrong (final layer, embedders) or drops.
    names = [n for n in loras.kohya_names("flux1") if "_blocks_" in n[0] or "lora_te" in n[0]]
    names = [n for n in names if "mlp_2" not in n[0] and "txt_mlp" not in n[0]]
    kohya, ours = both(tmp_path, "flux1", names=names, rank=2, alpha=1.0)
    other = theirs._convert_kohya_flux_lora_to_diffusers(dict(kohya))
    other = {
        k.replace(".lora_linear_layer.down.", ".lora_A.").replace(
            ".lora_linear_layer.up.", ".lora_B."
        ): v
        for k, v in other.items()
    }
    other = {
        k.replace(".lora.down.", ".lora_A.").replace(".lora.up.", ".lora_B."): v
        for k, v in other.items()
    }
    other = {k.replace("to_q_lora.down", "q_proj.lora_A"): v for k, v in other.items()}
    transformer = {k: v for k, v in other.items() if k.startswith("transformer.")}
    assert transformer
    assert_same_products(
        {k: v for k, v in ours.items() if k.startswith("transformer.")}, transformer
    )
    assert any(k.startswith("text_encoder.text_model.encoder") for k in ours)


def test_what_diffusers_loses_of_flux_is_kept(tmp_path):
    """Their final layer drops alpha and swaps halves; its name lacks the prefix."""
    names = [n for n in loras.kohya_names("flux1") if "final_layer" in n[0] or "txt_in" in n[0]]
    names += [n for n in loras.kohya_names("flux1") if "modulation_lin" in n[0]]
    kohya, ours = both(tmp_path, "flux1", names=names, alpha=1.0)
    other = theirs._convert_kohya_flux_lora_to_diffusers(dict(kohya))
    for name in ("norm_out.linear", "proj_out"):
        wrong = product(other, name)
        right = product(ours, f"transformer.{name}")
        torch.testing.assert_close(right, wrong / 4, rtol=1e-5, atol=1e-5)
    assert "context_embedder.lora_A.weight" in other
    assert "transformer.context_embedder.lora_A.weight" in ours


@pytest.mark.parametrize(
    ("family", "converter"),
    [
        ("wan-1.3b", theirs._convert_musubi_wan_lora_to_diffusers),
        ("qwen-image", theirs._convert_non_diffusers_qwen_lora_to_diffusers),
        ("z-image", theirs._convert_non_diffusers_z_image_lora_to_diffusers),
    ],
)
def test_kohya_s_transformers_against_diffusers(tmp_path, family, converter):
    names = [
        (name.replace("blocks_3_", "blocks_0_"), *rest) for name, *rest in loras.kohya_names(family)
    ]
    kohya, ours = both(tmp_path, family, names=names, alpha=1.0)
    assert_same_products(ours, converter(dict(kohya)))


@pytest.mark.parametrize(
    ("family", "converter"),
    [
        ("wan-1.3b", theirs._convert_non_diffusers_wan_lora_to_diffusers),
        ("hunyuan-video", theirs._convert_hunyuan_video_lora_to_diffusers),
        ("lumina2", theirs._convert_non_diffusers_lumina2_lora_to_diffusers),
        ("ltx-video", theirs._convert_non_diffusers_ltxv_lora_to_diffusers),
        ("qwen-image", theirs._convert_non_diffusers_qwen_lora_to_diffusers),
    ],
)
def test_comfyui_s_transformers_against_diffusers(tmp_path, family, converter):
    names = list(loras.kohya_names(family))
    if family == "hunyuan-video":
        names = [n for n in names if "mlp" not in n[0]] + [
            ("lora_unet_double_blocks_0_img_mlp_fc1", 64, 3072, ())
        ]
    if family == "lumina2":
        # Their converter counts layers from zero and wants each complete.
        names = [(n.replace("layers_2", "layers_0"), *rest) for n, *rest in names]
    _, ours = both(tmp_path, family, names=names, alpha=1.0)
    assert_same_products(ours, converter(comfy(tmp_path)))


def test_sd3_against_the_weights_converter(tmp_path):
    """diffusers converts no SD3 LoRA; so the products are converted as if they were the weights."""
    width = 64
    names = [
        (name, *(64 * size // 1536 for size in sizes[:2]), ())
        for name, *sizes in loras._sd3(width=1536)
    ]
    kohya, ours = both(tmp_path, "sd3.5-medium", names=names, alpha=2.0, rank=2)
    checkpoint = _empty_sd3(width)
    for key in kohya:
        if key.endswith(".lora_down.weight"):
            name = key.removesuffix(".lora_down.weight")
            dotted = _dotted(name.removeprefix("lora_unet_"))
            checkpoint[f"{dotted}.weight"] = (
                kohya[f"{name}.lora_up.weight"].double() @ kohya[key].double()
            )
    converted = convert_sd3_transformer_checkpoint_to_diffusers(dict(checkpoint))
    found = {k.removesuffix(".lora_A.weight") for k in ours if k.endswith(".lora_A.weight")}
    assert len(found) == 18
    for name in found:
        wanted = converted[f"{name.removeprefix('transformer.')}.weight"]
        inputs = torch.randn(wanted.shape[1], 3, generator=torch.Generator().manual_seed(5))
        right = wanted @ inputs.double()
        torch.testing.assert_close(product(ours, name), right, rtol=1e-5, atol=1e-5)


def _dotted(flat):
    for one, other in (
        ("joint_blocks_", "joint_blocks."),
        ("_x_block_", ".x_block."),
        ("_context_block_", ".context_block."),
        ("attn_", "attn."),
        ("attn2_", "attn2."),
        ("mlp_", "mlp."),
        ("modulation_1", "modulation.1"),
    ):
        flat = flat.replace(one, other)
    return flat


def _empty_sd3(width):
    shapes = {}
    for block in range(2):
        for stream in ("x_block", "context_block"):
            at = f"joint_blocks.{block}.{stream}"
            for layer in (
                "attn.qkv",
                "attn.proj",
                "attn2.qkv",
                "attn2.proj",
                "mlp.fc1",
                "mlp.fc2",
                "adaLN_modulation.1",
            ):
                height = {"attn.qkv": 3, "attn2.qkv": 3, "adaLN_modulation.1": 2}.get(
                    layer, 1
                ) * width
                shapes[f"{at}.{layer}.weight"] = (height, width)
                shapes[f"{at}.{layer}.bias"] = (height,)
    for name in (
        "context_embedder",
        "x_embedder.proj",
        "t_embedder.mlp.0",
        "t_embedder.mlp.2",
        "y_embedder.mlp.0",
        "y_embedder.mlp.2",
        "final_layer.linear",
        "final_layer.adaLN_modulation.1",
    ):
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = (2 * width, width), (2 * width,)
    shapes["pos_embed"] = (1, 4, width)
    return {name: torch.zeros(shape, dtype=torch.float64) for name, shape in shapes.items()}
