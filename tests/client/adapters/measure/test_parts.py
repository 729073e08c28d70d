"""Blocks, totals, states and what smaller ranks keep."""

import itertools

import numpy as np
import pytest

from lorahub.adapters import load_tensors, read_modules
from lorahub.adapters.measure import measure_modules
from lorahub.adapters.measure.bases import PARAMETERS, base_parameters
from lorahub.adapters.measure.health import overflows, states_of, verdicts_of
from lorahub.adapters.measure.places import place_of
from lorahub.adapters.measure.run import Measured
from lorahub.adapters.measure.totals import by_place, smaller_ranks, total_of
from lorahub.adapters.modules import Module
from support.weights import kohya, packed

RNG = np.random.default_rng(3)
UNET = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0"


def measured(arrays, dtype=""):
    tensors = load_tensors(packed(arrays, dtype=dtype))
    return measure_modules(read_modules(tensors.header), tensors)


@pytest.mark.parametrize(
    ("component", "path", "block", "part"),
    [
        ("unet", "down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q", "down.1.0", "self"),
        ("unet", "input_blocks_4_1_transformer_blocks_0_attn2_to_k", "down.1.0", "cross"),
        ("unet", "input_blocks_8_1_transformer_blocks_9_ff_net_0_proj", "down.2.1", "ff"),
        ("unet", "output_blocks_5_1_transformer_blocks_0_attn1_to_q", "up.1.2", "self"),
        ("unet", "up_blocks.1.attentions.2.transformer_blocks.0.attn1.to_q", "up.1.2", "self"),
        ("unet", "down_blocks_1_attentions_0_transformer_blocks_0_ff_net_2", "down.1.0", "ff"),
        ("unet", "middle_block_1_proj_in", "mid", "projection"),
        ("unet", "mid_block.attentions.0.proj_out", "mid", "projection"),
        ("unet", "down_blocks.0.downsamplers.0.conv", "down.0.2", "conv"),
        ("unet", "input_blocks_3_0_op", "down.0.2", "conv"),
        ("unet", "up_blocks_0_resnets_2_time_emb_proj", "up.0.2", "conv"),
        ("transformer", "double_blocks_7_img_attn_qkv", "double.7", "self"),
        ("transformer", "single_blocks.12.linear1", "single.12", "fused"),
        ("transformer", "single_transformer_blocks.12.attn.to_q", "single.12", "self"),
        ("transformer", "transformer_blocks.3.ff.net.2", "block.3", "ff"),
        ("transformer", "joint_blocks_4_x_block_attn_qkv", "joint.4", "self"),
        ("transformer", "blocks.39.cross_attn.k", "block.39", "cross"),
        ("transformer", "noise_refiner.1.attention.to_q", "noise refiner.1", "self"),
        ("transformer", "final_layer.linear", "other", "projection"),
        ("model", "model.layers.21.mlp.gate_proj", "layer.21", "ff"),
        ("model", "transformer.h.5.attn.c_attn", "layer.5", "self"),
        ("model", "lm_head", "other", "projection"),
        (
            "text_encoder_2",
            "text_model_encoder_layers_30_mlp_fc1",
            "text_encoder_2.layer.30",
            "ff",
        ),
    ],
)
def test_places(component, path, block, part):
    module = Module(path, path, component, "linear", "lora", {}, 4, (8, 8), "1")
    place = place_of(module)
    assert (place.block, place.part) == (block, part)


def test_blocks_come_in_the_order_of_the_model():
    names = ["up_blocks_0_attentions_0_proj_in", "mid_block_attentions_0_proj_in"]
    names += [f"down_blocks_{b}_attentions_{a}_proj_in" for b, a in ((1, 0), (0, 1), (0, 0))]
    shapes = [(f"lora_unet_{name}", 8, 8) for name in names]
    shapes.append(("lora_te_text_model_encoder_layers_0_self_attn_q_proj", 8, 8))
    found = measured(kohya(shapes, 2, RNG))
    places = [place_of(each.module) for each in found]
    blocks, parts, components = by_place(found, places)
    assert [place.block for place in blocks] == [
        "down.0.0", "down.0.1", "down.1.0", "mid", "up.0.0", "text_encoder.layer.0",
    ]  # fmt: skip
    assert {name: total.modules for name, total in components.items()} == {
        "text_encoder": 1,
        "unet": 5,
    }
    assert sum(total.modules for total in parts.values()) == 6
    whole = total_of(found)
    squares = [each.figures.frobenius**2 for each in found]
    assert whole.frobenius == pytest.approx(np.sqrt(sum(squares)))
    assert whole.rms == pytest.approx(np.sqrt(sum(squares) / (6 * 64)))
    assert whole.parameters == 6 * 2 * 16
    assert whole.covered == 6 * 64


def test_states():
    shapes = [(f"{UNET}_{part}", 24, 24) for part in "abcdefgh"]
    arrays = kohya(shapes, 4, RNG)

    def up(part):
        return arrays[f"{UNET}_{part}.lora_up.weight"]

    up("a")[3, 2] = np.nan
    up("b")[3, 2] = -np.inf
    up("b")[0, 0] = np.inf
    up("c")[:] = 0
    up("d")[:] *= 1e-9
    up("e")[:] *= 1e6
    found = measured(arrays)
    assert states_of(found) == ["nan", "inf", "dead", "weak", "exploding"] + ["sound"] * 3
    assert (found[0].nan, found[0].inf, found[1].nan, found[1].inf) == (1, 0, 0, 2)
    assert found[0].figures is None
    verdicts = verdicts_of(found, states_of(found))
    assert [verdict.state for verdict in verdicts] == ["nan", "inf", "dead", "weak", "exploding"]
    assert verdicts[2].message.startswith("1 module changes nothing: its ΔW is zero.")
    more = verdicts_of([found[2]] * 2, ["dead"] * 2)[0]
    assert more.message.startswith("2 modules change nothing: their ΔW is zero.")
    assert more.modules == 2


def test_a_module_without_numbers_does_not_spoil_the_next():
    arrays = kohya([(f"{UNET}_{part}", 24, 24) for part in "ab"], 4, RNG)
    before = measured(arrays)[1].figures
    arrays[f"{UNET}_a.lora_down.weight"][:] = np.nan
    after = measured(arrays)[1].figures
    np.testing.assert_array_equal(before.singular_values, after.singular_values)


def test_numbers_that_f16_cannot_hold():
    arrays = kohya([(f"{UNET}_{part}", 24, 24) for part in "ab"], 4, RNG)
    arrays[f"{UNET}_a.lora_down.weight"][0, 0] = 7e4
    # A long row of ordinary numbers is no large number.
    arrays[f"{UNET}_b.lora_down.weight"][:] = 2e4
    found = measured(arrays, "BF16")
    assert overflows(found) == [f"{UNET}_a"]


def test_what_smaller_ranks_keep_is_what_a_resize_keeps():
    shapes = [(f"{UNET}_{part}", 40, 24) for part in "abc"]
    arrays = kohya(shapes, 8, RNG)
    arrays[f"{UNET}_a.lora_up.weight"] *= np.float32(0.5) ** np.arange(8, dtype=np.float32)
    found = measured(arrays)
    ranks, levels = smaller_ranks(found)
    assert [each.rank for each in ranks] == [1, 2, 4]
    spectra = []
    for name, _, _ in shapes:
        product = arrays[f"{name}.lora_up.weight"] @ arrays[f"{name}.lora_down.weight"]
        spectra.append(np.linalg.svd(product.astype(np.float64), compute_uv=False) ** 2)
    for each in ranks:
        kept = [values[: each.rank].sum() for values in spectra]
        totals = [values.sum() for values in spectra]
        assert each.energy == pytest.approx(sum(kept) / sum(totals), rel=1e-4)
        worst = min(k / t for k, t in zip(kept, totals, strict=True))
        assert each.worst == pytest.approx(worst, rel=1e-4)
        assert each.bytes == 3 * each.rank * 64 * 4
    for each in levels:
        needed = [int(np.searchsorted(np.cumsum(v) / v.sum(), each.energy)) + 1 for v in spectra]
        assert (each.largest_rank, each.mean_rank) == (max(needed), sum(needed) / 3)
        assert each.bytes == sum(needed) * 64 * 4
    assert [each.energy for each in levels] == [0.9, 0.95, 0.99]
    assert all(a.bytes <= b.bytes for a, b in itertools.pairwise(levels))


def test_nothing_is_promised_where_nothing_is_known():
    found = measured({f"{UNET}_a.oft_blocks": RNG.standard_normal((2, 4, 4))})
    assert smaller_ranks(found) == ([], [])
    assert states_of(found) == ["unmeasured"]
    assert total_of(found).rms == 0
    assert isinstance(found[0], Measured)


def test_progress_and_stopping():
    shapes = [(f"{UNET}_{part}", 16, 16) for part in range(70)]
    tensors = load_tensors(packed(kohya(shapes, 2, RNG)))
    modules = read_modules(tensors.header)
    told = []
    measure_modules(modules, tensors, progress=lambda done, total: told.append((done, total)))
    assert len(told) == 3
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1][0] == told[-1][1] == 70 * (2 * 2 * 16 + 1) * 4

    class StoppedError(Exception):
        pass

    def stop(_done, _total):
        raise StoppedError

    with pytest.raises(StoppedError):
        measure_modules(modules, tensors, progress=stop)


def test_base_sizes():
    assert base_parameters("sdxl", "unet") == 2_567_463_684
    assert base_parameters("sdxl", "nothing") is None
    assert base_parameters(None, "unet") is None
    large = {name: sizes for name, sizes in PARAMETERS.items() if name != "shapes"}
    assert all(size > 10**8 for sizes in large.values() for size in sizes.values())
