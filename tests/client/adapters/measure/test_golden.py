"""Our figures against a full SVD in double precision of the ΔW that the libraries make."""

import numpy as np
import pytest
import torch
from peft import (
    AdaLoraConfig,
    LoHaConfig,
    LoKrConfig,
    LoraConfig,
    get_peft_model,
    get_peft_model_state_dict,
)

from lorahub.adapters import AdapterFileError, load_tensors, read_modules
from lorahub.adapters.config import read_config
from lorahub.adapters.delta import dense, load_delta, rows, thin
from lorahub.adapters.measure import measure_modules
from lorahub.adapters.measure.figures import FLOOR
from support.weights import packed

RNG = np.random.default_rng(7)
# How far figures of a dtype may be from those of the numbers that were rounded to it.
PRECISION = {"F32": 1e-4, "F16": 2e-3, "BF16": 2e-2}


def measured(arrays, dtype="", config=None):
    tensors = load_tensors(packed(arrays, dtype=dtype))
    return measure_modules(read_modules(tensors.header, config), tensors), tensors


def check(figures, weight, precision=1e-4):
    """`weight` is ΔW, explicit."""
    sigma = np.linalg.svd(np.asarray(weight, np.float64), compute_uv=False)
    kept = sigma[: len(figures.singular_values)]
    assert sigma[len(kept) :].sum() <= 1e-5 * sigma[0]  # what float32 products leave behind
    ours = figures.singular_values
    clear = kept > 10 * FLOOR * sigma[0] if precision < 1e-3 else kept > 0.1 * sigma[0]
    np.testing.assert_allclose(ours[clear], kept[clear], rtol=precision)
    np.testing.assert_allclose(ours, kept, atol=max(precision * sigma[0], 1e-300))
    assert figures.frobenius == pytest.approx(np.linalg.norm(sigma), rel=precision)
    assert figures.spectral == pytest.approx(sigma[0], rel=precision)
    share = sigma / sigma.sum()
    entropy = -(share[share > 1e-14] * np.log(share[share > 1e-14])).sum()
    assert figures.effective_rank == pytest.approx(np.exp(entropy), rel=max(precision, 1e-3))
    stable = (sigma**2).sum() / sigma[0] ** 2
    assert figures.stable_rank == pytest.approx(stable, rel=2 * precision)
    energy = np.cumsum(sigma**2) / (sigma**2).sum()
    for level, rank in figures.keeps.items():
        assert energy[rank - 1] >= level - 3 * precision
        assert rank == 1 or energy[rank - 2] <= level + 3 * precision


def pair(m, n, rank, decay=1.0):
    """Factors whose product has singular values that fall by `decay` each."""
    left = np.linalg.qr(RNG.standard_normal((m, rank)))[0] * decay ** np.arange(rank)
    right = np.linalg.qr(RNG.standard_normal((n, rank)))[0].T
    mix = RNG.standard_normal((rank, rank)) + 2 * np.eye(rank)
    return left @ mix, np.linalg.solve(mix, right)


HEAD = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q"


@pytest.mark.parametrize("dtype", ["F32", "F16", "BF16", "F8_E4M3"])
@pytest.mark.parametrize(("m", "n", "rank", "decay"), [(64, 96, 8, 1.0), (320, 64, 16, 0.6)])
def test_linear_lora(dtype, m, n, rank, decay):
    up, down = pair(m, n, rank, decay)
    arrays = {
        f"{HEAD}.lora_down.weight": down.astype(np.float32) * 4,
        f"{HEAD}.lora_up.weight": up.astype(np.float32) * 4,
        f"{HEAD}.alpha": np.float32(rank / 2).reshape(()),
    }
    (found,), tensors = measured(arrays, dtype)
    assert (found.scale, found.dtypes) == (0.5, (dtype,))
    # To the last digits of the stored numbers, and to the dtype's precision of the unrounded.
    stored = [tensors.f64(found.module.factors[role]) for role in ("up", "down")]
    check(found.figures, stored[0] @ stored[1] * 0.5)
    if dtype in PRECISION:
        check(found.figures, up @ down * 8, PRECISION[dtype])


def test_values_far_apart_and_large_and_tiny_numbers():
    for size in (1e-20, 1e-3, 1e12):
        up, down = pair(80, 60, 12, 0.35)
        arrays = {
            f"{HEAD}.lora_down.weight": (down * size).astype(np.float32),
            f"{HEAD}.lora_up.weight": up.astype(np.float32),
        }
        (found,), tensors = measured(arrays)
        stored = [tensors.f64(found.module.factors[role]) for role in ("up", "down")]
        check(found.figures, stored[0] @ stored[1])


def test_factors_that_hide_their_product():
    """One factor's strong directions are the other's weak ones: Gram matrices alone would fail."""
    strong = 1e4 ** np.linspace(0, 1, 8)
    left = np.linalg.qr(RNG.standard_normal((50, 8)))[0] * strong
    right = (np.linalg.qr(RNG.standard_normal((70, 8)))[0] / strong).T
    arrays = {f"{HEAD}.lora_down.weight": right, f"{HEAD}.lora_up.weight": left}
    (found,), _ = measured(arrays)
    check(found.figures, left @ right)


def test_dependent_rows_and_a_rank_above_the_width():
    down = RNG.standard_normal((6, 40))
    down[3] = down[2]
    up = RNG.standard_normal((3, 6))
    arrays = {f"{HEAD}.lora_down.weight": down, f"{HEAD}.lora_up.weight": up}
    (found,), _ = measured(arrays)
    assert len(found.figures.singular_values) == 3
    check(found.figures, up @ down)


@pytest.mark.parametrize("groups", [1, 2])
def test_convolutions(groups):
    down = RNG.standard_normal((8, 6, 3, 3)).astype(np.float32)
    up = RNG.standard_normal((12, 8 // groups, 1, 1)).astype(np.float32)
    arrays = {f"{HEAD}.lora_down.weight": down, f"{HEAD}.lora_up.weight": up}
    (found,), _ = measured(arrays)
    # What the two layers do to a picture, told by the library of layers itself.
    inner = torch.nn.functional.conv2d(torch.eye(54).reshape(54, 6, 3, 3), torch.from_numpy(down))
    effect = torch.nn.functional.conv2d(inner, torch.from_numpy(up), groups=groups)
    check(found.figures, effect.reshape(54, 12).T.numpy(), 1e-4)


def test_tucker_convolutions():
    down = RNG.standard_normal((4, 6, 1, 1)).astype(np.float32)
    mid = RNG.standard_normal((4, 4, 3, 3)).astype(np.float32)
    up = RNG.standard_normal((12, 4, 1, 1)).astype(np.float32)
    arrays = {
        f"{HEAD}.lora_down.weight": down,
        f"{HEAD}.lora_mid.weight": mid,
        f"{HEAD}.lora_up.weight": up,
        f"{HEAD}.alpha": np.float32(2).reshape(()),
    }
    (found,), _ = measured(arrays)
    assert found.module.shape == (12, 6, 3, 3)
    picture = torch.eye(54).reshape(54, 6, 3, 3)
    for weight in (down, mid, up):
        picture = torch.nn.functional.conv2d(picture, torch.from_numpy(weight))
    check(found.figures, picture.reshape(54, 12).T.numpy() * 0.5)


class Small(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(48, 64)
        self.conv = torch.nn.Conv2d(8, 12, 3)
        self.table = torch.nn.Embedding(30, 16)


ALL = ["linear", "conv"]
CONFIGS = {
    "lora": LoraConfig(r=4, lora_alpha=10, target_modules=[*ALL, "table"]),
    "rslora": LoraConfig(r=4, lora_alpha=10, target_modules=ALL, use_rslora=True),
    "patterns": LoraConfig(
        r=4,
        lora_alpha=10,
        target_modules=ALL,
        rank_pattern={"conv": 2},
        alpha_pattern={"linear": 3},
    ),
    "adalora": AdaLoraConfig(
        init_r=6, target_r=4, lora_alpha=10, target_modules=["linear"], total_step=10
    ),
    "loha": LoHaConfig(r=3, alpha=7, target_modules=ALL),
    "loha-large": LoHaConfig(r=12, alpha=7, target_modules=ALL),
    "loha-tucker": LoHaConfig(r=3, alpha=7, target_modules=ALL, use_effective_conv2d=True),
    "lokr": LoKrConfig(r=3, alpha=7, target_modules=ALL),
    "lokr-both": LoKrConfig(r=2, alpha=7, target_modules=ALL, decompose_both=True),
    "lokr-tucker": LoKrConfig(r=2, alpha=7, target_modules=ALL, use_effective_conv2d=True),
    "lokr-whole": LoKrConfig(r=400, alpha=7, target_modules=ALL),
}


@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.parametrize("dtype", ["F32", "BF16"])
def test_what_peft_adds(kind, dtype):
    torch.manual_seed(3)
    model = get_peft_model(Small(), CONFIGS[kind])
    for name, parameter in model.named_parameters():
        if any(mark in name for mark in ("lora_", "hada_", "lokr_")) and "ranknum" not in name:
            torch.nn.init.normal_(parameter, std=0.3)
    state = {name: tensor.numpy() for name, tensor in get_peft_model_state_dict(model).items()}
    config = read_config(CONFIGS[kind].to_dict() | {"peft_type": CONFIGS[kind].peft_type.value})
    found, tensors = measured(state, dtype, config)
    assert len(found) == len(CONFIGS[kind].target_modules)
    for each in found:
        layer = model.base_model.model.get_submodule(each.module.path)
        weight = layer.get_delta_weight("default").detach().numpy()
        matrix = weight.reshape(weight.shape[0], -1)
        check(each.figures, matrix, PRECISION[dtype])
        assert each.note == ""
        if dtype == "F32":
            delta = load_delta(each.module, tensors, np.float64)
            whole = matrix.T if each.module.kind == "embedding" else matrix
            np.testing.assert_allclose(dense(delta, np.float64), whole, atol=1e-5)
            up, down = thin(delta)
            np.testing.assert_allclose(up @ down, whole, atol=1e-5)
            part = rows(delta, 2, 7)
            np.testing.assert_allclose(dense(part, np.float64), whole[2:7], atol=1e-5)
            assert part.shape == (5, whole.shape[1])


def test_full_differences_and_what_needs_the_base():
    diff = RNG.standard_normal((30, 50))
    arrays = {
        f"{HEAD}.diff": diff,
        "lora_unet_mid_block_attentions_0_proj_in.oft_blocks": RNG.standard_normal((4, 8, 8)),
        "lora_unet_mid_block_attentions_0_proj_out.lora_down.weight": diff,
    }
    found, tensors = measured(arrays)
    whole, oft, half = found
    check(whole.figures, diff)
    assert oft.figures is None
    assert "base model" in oft.note
    assert half.figures is None
    assert "missing" in half.note
    assert load_delta(oft.module, tensors).known is False


def test_doras_magnitudes_are_left_out_and_said_so():
    up, down = pair(32, 24, 4)
    arrays = {
        f"{HEAD}.lora_down.weight": down,
        f"{HEAD}.lora_up.weight": up,
        f"{HEAD}.dora_scale": np.ones((32, 1)),
    }
    (found,), _ = measured(arrays)
    check(found.figures, up @ down)
    assert "magnitudes" in found.note


def test_a_scale_that_nobody_knows():
    arrays = {
        "base_model.model.layers.0.self_attn.q_proj.lora_A.weight": RNG.standard_normal((4, 9)),
        "base_model.model.layers.0.self_attn.q_proj.lora_B.weight": RNG.standard_normal((9, 4)),
    }
    (found,), _ = measured(arrays)
    assert found.scale is None
    assert "1 is assumed" in found.note
    down, up = arrays.values()
    check(found.figures, up @ down)


@pytest.mark.parametrize(
    "shapes",
    [
        {"hada_w1_a": (60000, 200), "hada_w1_b": (200, 60000),
         "hada_w2_a": (60000, 200), "hada_w2_b": (200, 60000)},
        {"lokr_w1_a": (60000, 2), "lokr_w1_b": (2, 60000), "lokr_w2": (2, 2)},
        {"lora_down.weight": (60000, 4), "lora_up.weight": (60000, 1)},
        {"lora_down.weight": (4, 60000, 1, 1), "lora_mid.weight": (4, 4, 60, 60),
         "lora_up.weight": (8, 4, 1, 1)},
        {"lokr_w1": (), "lokr_w2": (4, 4)},
        {"lora_down.weight": (4,), "lora_up.weight": ()},
    ],
)  # fmt: skip
def test_small_factors_of_absurd_products(shapes):
    arrays = {f"{HEAD}.{name}": np.zeros(shape, np.float16) for name, shape in shapes.items()}
    arrays[f"{HEAD}_next.lora_down.weight"] = RNG.standard_normal((2, 5))
    arrays[f"{HEAD}_next.lora_up.weight"] = RNG.standard_normal((5, 2))
    tensors = load_tensors(packed(arrays))
    try:
        modules = read_modules(tensors.header)
    except AdapterFileError:
        return
    found = {each.module.name: each for each in measure_modules(modules, tensors)}
    assert found[f"{HEAD}_next"].figures is not None
    if found[HEAD].figures is None:
        assert found[HEAD].note.startswith("It can't be measured")


def test_a_rank_far_above_the_width():
    up, down = RNG.standard_normal((6, 5000)), RNG.standard_normal((5000, 4))
    arrays = {f"{HEAD}.lora_down.weight": down, f"{HEAD}.lora_up.weight": up}
    (found,), _ = measured(arrays)
    check(found.figures, up @ down)
