"""A sketch knows an adapter again by what it does, whatever its file looks like."""

import hashlib

import numpy as np
import pytest

from lorahub.adapters import load_tensors, read_modules, sketch_of
from lorahub.adapters.canonical import pieces_of
from lorahub.adapters.sameness import likeness
from lorahub.adapters.sketch import PACKED_BYTES, Sketch, signs
from support.weights import kohya, packed

RNG = np.random.default_rng(11)


def sketch(arrays, family, dtype="", metadata=None):
    tensors = load_tensors(packed(arrays, metadata, dtype))
    found = sketch_of(read_modules(tensors.header), tensors, family)
    assert found is not None
    return found


SDXL = [
    ("lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q", 64, 64),
    ("lora_unet_output_blocks_1_1_transformer_blocks_3_attn2_to_k", 96, 64),
    ("lora_unet_middle_block_1_proj_in", 64, 64),
    ("lora_te1_text_model_encoder_layers_3_self_attn_q_proj", 48, 48),
    ("lora_te2_text_model_encoder_layers_7_mlp_fc1", 80, 160),
]
SDXL_DIFFUSERS = [
    "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q",
    "unet.up_blocks.0.attentions.1.transformer_blocks.3.attn2.to_k",
    "unet.mid_block.attentions.0.proj_in",
    "text_encoder.text_model.encoder.layers.3.self_attn.q_proj",
    "text_encoder_2.text_model.encoder.layers.7.mlp.fc1",
]


def renamed(arrays, names):
    """kohya's arrays in the layout of diffusers, alpha folded into the upper factor."""
    made = {}
    for (old, _, _), new in zip(SDXL, names, strict=True):
        down, up = arrays[f"{old}.lora_down.weight"], arrays[f"{old}.lora_up.weight"]
        made[f"{new}.lora_A.weight"] = down
        made[f"{new}.lora_B.weight"] = up * (float(arrays[f"{old}.alpha"]) / len(down))
    return made


def test_the_same_in_another_layout():
    arrays = kohya(SDXL, 4, RNG, alpha=3)
    one = sketch(arrays, "sdxl")
    other = sketch(renamed(arrays, SDXL_DIFFUSERS), "sdxl")
    assert likeness(one, other).kind == "same"
    assert likeness(one, other).cosine > 0.99999
    for before, after in ((one.base, other.base), (one.text, other.text)):
        np.testing.assert_allclose(before, after, rtol=1e-3, atol=1e-4 * np.abs(before).max())
    # Names as transformers 5 writes them, and as diffusers wrote them long ago.
    bare = [name.replace("text_model.", "") for name in SDXL_DIFFUSERS]
    assert likeness(one, sketch(renamed(arrays, bare), "sdxl")).kind == "same"


def test_swapped_modules_are_not_the_same():
    arrays = kohya(SDXL, 4, RNG)
    swapped = [SDXL_DIFFUSERS[2], *SDXL_DIFFUSERS[1:2], SDXL_DIFFUSERS[0], *SDXL_DIFFUSERS[3:]]
    found = likeness(sketch(arrays, "sdxl"), sketch(renamed(arrays, swapped), "sdxl"))
    assert found.kind != "same"
    assert found.text == pytest.approx(1, abs=1e-4)


def test_fused_projections_are_those_apart():
    width = 64
    up = RNG.standard_normal((3 * width, 4)).astype(np.float32)
    down = RNG.standard_normal((4, width)).astype(np.float32)
    fused = {
        "lora_unet_double_blocks_2_img_attn_qkv.lora_down.weight": down,
        "lora_unet_double_blocks_2_img_attn_qkv.lora_up.weight": up,
        "lora_unet_double_blocks_2_img_attn_qkv.alpha": np.float32(4).reshape(()),
    }
    head = "transformer.transformer_blocks.2.attn"
    apart = {}
    for index, part in enumerate(("to_q", "to_k", "to_v")):
        apart[f"{head}.{part}.lora_A.weight"] = down
        apart[f"{head}.{part}.lora_B.weight"] = up[index * width : (index + 1) * width]
    assert likeness(sketch(fused, "flux1"), sketch(apart, "flux1")).cosine > 0.99999
    dotted = {
        f"diffusion_model.double_blocks.2.img_attn.qkv.lora_{role}.weight": array
        for role, array in (("A", down), ("B", up))
    }
    assert likeness(sketch(fused, "flux1"), sketch(dotted, "flux1")).cosine > 0.99999


def test_halves_that_change_places():
    width = 32
    up = RNG.standard_normal((2 * width, 4)).astype(np.float32)
    down = RNG.standard_normal((4, width)).astype(np.float32)
    head = "diffusion_model.final_layer.adaLN_modulation.1"
    one = {f"{head}.lora_A.weight": down, f"{head}.lora_B.weight": up}
    swapped = np.concatenate([up[width:], up[:width]])
    head = "transformer.norm_out.linear"
    other = {f"{head}.lora_A.weight": down, f"{head}.lora_B.weight": swapped}
    assert likeness(sketch(one, "flux1"), sketch(other, "flux1")).cosine > 0.99999


def test_only_what_the_factors_make_counts():
    arrays = kohya(SDXL, 6, RNG)
    one = sketch(arrays, "sdxl")
    changed = {}
    for name, _, _ in SDXL:
        mix = RNG.standard_normal((6, 6)) + 3 * np.eye(6)
        down, up = arrays[f"{name}.lora_down.weight"], arrays[f"{name}.lora_up.weight"]
        # Another gauge, more rank than needed, another alpha.
        down = np.concatenate([np.linalg.solve(mix, down), np.zeros((2, down.shape[1]))])
        up = np.concatenate([up @ mix, RNG.standard_normal((len(up), 2))], axis=1)
        changed[f"{name}.lora_down.weight"] = down.astype(np.float32)
        changed[f"{name}.lora_up.weight"] = up.astype(np.float32) * 8
        changed[f"{name}.alpha"] = np.float32(1).reshape(())
    found = likeness(one, sketch(changed, "sdxl"))
    assert found.kind == "same"
    assert found.cosine > 0.99999


@pytest.mark.parametrize(
    ("dtype", "least"), [("F16", 0.99999), ("BF16", 0.99998), ("F8_E4M3", 0.998)]
)
def test_casts(dtype, least):
    arrays = kohya(SDXL, 4, RNG)
    scaled = {name: a if name.endswith("alpha") else a * 10 for name, a in arrays.items()}
    found = likeness(sketch(scaled, "sdxl"), sketch(scaled, "sdxl", dtype))
    assert found.cosine > least


def test_lokr_full_and_conv_forms_of_one_change():
    name = "lora_unet_down_blocks_1_resnets_0_conv1"
    w1 = RNG.standard_normal((4, 2)).astype(np.float32)
    w2 = RNG.standard_normal((6, 5, 3, 3)).astype(np.float32)
    kron = {f"{name}.lokr_w1": w1, f"{name}.lokr_w2": w2}
    whole = np.einsum("ab,cdij->acbdij", w1, w2).reshape(24, 10, 3, 3)
    up, values, down = np.linalg.svd(whole.reshape(24, 90), full_matrices=False)
    thin = {
        f"{name}.lora_up.weight": (up * values).astype(np.float32).reshape(24, 24, 1, 1),
        f"{name}.lora_down.weight": down.astype(np.float32).reshape(24, 10, 3, 3),
    }
    sketches = [sketch(arrays, "sd1") for arrays in (kron, {f"{name}.diff": whole}, thin)]
    for other in sketches[1:]:
        assert likeness(sketches[0], other).cosine > 0.99999
        assert other.base_norm == pytest.approx(sketches[0].base_norm, rel=1e-5)


def test_methods_that_need_the_base_are_known_by_their_tensors():
    name = "lora_unet_mid_block_attentions_0_proj_in"
    blocks = RNG.standard_normal((4, 8, 8)).astype(np.float32)
    one = sketch({f"{name}.oft_blocks": blocks}, "sd1")
    assert likeness(one, sketch({f"{name}.oft_blocks": blocks}, "sd1", "BF16")).kind == "same"
    other = sketch({f"{name}.oft_blocks": RNG.standard_normal((4, 8, 8))}, "sd1")
    assert likeness(one, other).kind == "unrelated"


def test_packing_keeps_what_counts():
    one = sketch(kohya(SDXL, 4, RNG), "sdxl")
    assert len(one.to_bytes()) == PACKED_BYTES == 1048
    again = Sketch.from_text(one.to_text())
    assert likeness(one, again).cosine > 0.999999
    assert (again.base_norm, again.text_norm) == (
        pytest.approx(one.base_norm, rel=1e-6),
        pytest.approx(one.text_norm, rel=1e-6),
    )
    with pytest.raises(ValueError, match="no packed sketch"):
        Sketch.from_bytes(one.to_bytes()[:-1])
    with pytest.raises(ValueError, match="version"):
        Sketch.from_bytes(one.to_bytes()[:4] + b"\x63" + one.to_bytes()[5:])


def test_the_signs_stay_the_same_for_ever():
    """They are part of what hubs store: a change makes every stored sketch worthless."""
    made = signs("base.down_blocks_0_attentions_0_proj_in", "L", 64)
    assert set(np.unique(made)) == {-1.0, 1.0}
    digest = hashlib.sha256(made.astype("i1").tobytes()).hexdigest()
    assert digest == "9ccc92038be0ba0ac7372365b838ceefd44033a6b6a14fb0e2c3e25ca018fcd5"
    # A longer side begins with the shorter one, and the sides differ.
    longer = signs("base.down_blocks_0_attentions_0_proj_in", "L", 128)
    assert (longer[:64] == made).all()
    assert (signs("base.down_blocks_0_attentions_0_proj_in", "R", 64) != made).any()


def test_broken_numbers_are_skipped_and_counted():
    arrays = kohya(SDXL, 4, RNG)
    whole = sketch(arrays, "sdxl")
    arrays[f"{SDXL[0][0]}.lora_up.weight"][3, 1] = np.nan
    found = sketch(arrays, "sdxl")
    assert found.skipped == 1
    assert np.isfinite(found.whole).all()
    assert found.base_norm < whole.base_norm
    dead = {name: np.zeros_like(array) for name, array in arrays.items()}
    tensors = load_tensors(packed(dead))
    assert sketch_of(read_modules(tensors.header), tensors, "sdxl") is None


def test_unknown_families_still_have_names():
    arrays = kohya([("lora_unet_blocks_3_strange_thing", 16, 16)], 2, RNG)
    tensors = load_tensors(packed(arrays))
    (module,) = read_modules(tensors.header)
    for family in (None, "flux1", "nobody"):
        assert [piece.name for piece in pieces_of(module, family)] == [
            "base.blocks_3_strange_thing"
        ]
