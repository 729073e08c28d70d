"""Smaller ranks against the full SVD in double precision."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from lorahub.adapters import AdapterFileError, resize
from support import loras

AT = "lora_unet_blocks_3_self_attn_q"
FIXED = ("lora_unet_blocks_3_ffn_0", 48, 1536, ())


def product(tensors, name=AT, down="lora_down", up="lora_up"):
    first, second = tensors[f"{name}.{down}.weight"], tensors[f"{name}.{up}.weight"]
    alpha = tensors.get(f"{name}.alpha", len(first))
    flat = [side.reshape(len(side), -1).astype("f8") for side in (second, first)]
    return flat[0] @ flat[1] * float(alpha) / len(first)


def with_spectrum(path, sigma, *, alpha=3.0, dtype="f4", size=(40, 1536), scale=1.0):
    """An adapter of which one module has the singular values `sigma`."""
    rng = np.random.default_rng(7)
    u = np.linalg.qr(rng.standard_normal((size[0], len(sigma))))[0]
    v = np.linalg.qr(rng.standard_normal((size[1], len(sigma))))[0]
    # Any factors will do: the ranks must not show in how they happen to be written.
    turn = rng.standard_normal((len(sigma), len(sigma)))
    strength = alpha / len(sigma)
    up = u * (np.asarray(sigma) * scale / strength) @ turn
    down = np.linalg.inv(turn) @ v.T
    tensors = loras.kohya_tensors("wan-1.3b", names=[FIXED])
    tensors |= {f"{AT}.lora_down.weight": down, f"{AT}.lora_up.weight": up}
    tensors = {name: np.asarray(array).astype(dtype) for name, array in tensors.items()}
    tensors[f"{AT}.alpha"] = np.asarray(alpha, "f4")
    save_file(tensors, path)
    return load_file(path)


def fact(report, name=AT):
    return next(each for each in report.modules if each["name"] == name)


@settings(max_examples=20, deadline=None)
@given(
    rank=st.integers(1, 12),
    before=st.integers(1, 12),
    size=st.tuples(st.integers(2, 30), st.integers(2, 30)),
    alpha=st.sampled_from([0.5, 1, 7.3, 16]),
)
def test_it_is_the_best_there_is(tmp_path_factory, rank, before, size, alpha):
    folder = tmp_path_factory.mktemp("resize")
    tensors = loras.kohya_tensors(
        "wan-1.3b", names=[FIXED, (AT, *size, ())], rank=before, alpha=alpha
    )
    save_file(tensors, folder / "a")
    report = resize(folder / "a", folder / "b", rank=rank)
    whole, made = product(tensors), product(load_file(folder / "b"))
    sigma = np.linalg.svd(whole, compute_uv=False)
    wanted = np.sqrt(np.sum(sigma[rank:] ** 2))
    assert np.linalg.norm(whole - made) == pytest.approx(wanted, abs=1e-5 * sigma[0])
    kept = np.sum(sigma[:rank] ** 2) / np.sum(sigma**2)
    assert fact(report)["energy"] == pytest.approx(kept, abs=1e-6)
    assert fact(report)["rank"] <= min(rank, before, *size)


@pytest.mark.parametrize(
    ("sigma", "energy", "rank"),
    [
        ([2, 1, 1, 1], 4 / 7, 1),  # exactly what one keeps; the usual tools take two
        ([2, 1, 1, 1], 4 / 7 + 1e-3, 2),
        ([2, 1, 1, 1], 1.0, 4),
        ([1, 1, 1, 1], 0.5, 2),
        ([1, 1, 1, 1], 0.75, 3),
        ([10, 1e-3, 1e-3, 1e-3], 0.999, 1),
        ([1, 0, 0, 0], 1.0, 1),
        ([3, 2, 0, 0], 1.0, 2),
    ],
)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_no_rank_more_than_the_energy_needs(tmp_path, sigma, energy, rank, dtype):
    with_spectrum(tmp_path / "a", sigma, dtype=dtype)
    # A hair below, since the factors themselves are rounded.
    report = resize(tmp_path / "a", tmp_path / "b", energy=energy - 1e-5 if energy < 1 else 1.0)
    assert fact(report)["rank"] == rank
    assert len(load_file(tmp_path / "b")[f"{AT}.lora_down.weight"]) == rank


def test_rank_limits_energy(tmp_path):
    with_spectrum(tmp_path / "a", [1, 1, 1, 1])
    report = resize(tmp_path / "a", tmp_path / "b", energy=0.99, rank=3)
    assert (fact(report)["rank"], fact(report)["energy"]) == (3, pytest.approx(0.75, abs=1e-6))
    assert report.lossy


def test_the_same_rank_loses_nothing(tmp_path):
    before = with_spectrum(tmp_path / "a", [4, 3, 2, 1])
    report = resize(tmp_path / "a", tmp_path / "b", rank=64)
    assert not report.lossy
    after = load_file(tmp_path / "b")
    assert len(after[f"{AT}.lora_down.weight"]) == 4
    assert np.allclose(product(after), product(before), atol=1e-6)


@pytest.mark.parametrize("scale", [1e-9, 1e-6, 1, 1e4])
def test_no_underflow_in_fp16(tmp_path, scale):
    """(U·S, V) as the usual tools write it is nothing in fp16 for weak adapters."""
    before = with_spectrum(tmp_path / "a", [4, 3, 2, 1], scale=scale)
    resize(tmp_path / "a", tmp_path / "b", rank=3, dtype="fp16")
    after = load_file(tmp_path / "b")
    assert after[f"{AT}.lora_up.weight"].dtype == np.float16
    u, sigma, vt = np.linalg.svd(product(before), full_matrices=False)
    best = (u[:, :3] * sigma[:3]) @ vt[:3]
    assert np.linalg.norm(product(after) - best) < 2e-3 * np.linalg.norm(best)


def test_alpha_keeps_its_meaning(tmp_path):
    before = with_spectrum(tmp_path / "a", [4, 3, 2, 1], alpha=0.25)
    resize(tmp_path / "a", tmp_path / "b", rank=2)
    after = load_file(tmp_path / "b")
    whole = np.linalg.svd(product(before), compute_uv=False)
    assert np.allclose(np.linalg.svd(product(after), compute_uv=False)[:2], whole[:2], rtol=1e-5)


def test_mixed_ranks_are_told_to_peft(tmp_path):
    rng = np.random.default_rng(8)
    folder = tmp_path / "p"
    loras.peft_folder(
        folder, loras.llama_modules(), rank=8, alpha=16, target_modules=["q_proj", "v_proj"]
    )
    tensors = load_file(folder / "adapter_model.safetensors")
    name = "base_model.model.model.layers.1.self_attn.v_proj.lora_B.weight"
    tensors[name] = np.outer(rng.standard_normal(32), rng.standard_normal(8)).astype("f4")
    save_file(tensors, folder / "adapter_model.safetensors")
    report = resize(folder, tmp_path / "b", energy=0.9999)
    config = json.loads((tmp_path / "b" / "adapter_config.json").read_text())
    assert config["r"] == config["lora_alpha"] == report.ranks[1]
    assert config["rank_pattern"] == config["alpha_pattern"]
    assert config["rank_pattern"][r"^model\.layers\.1\.self_attn\.v_proj"] == 1
    assert config["target_modules"] == ["q_proj", "v_proj"]


def test_a_dead_module_stays_dead(tmp_path):
    tensors = loras.kohya_tensors("wan-1.3b")
    tensors[f"{AT}.lora_up.weight"][:] = 0
    save_file(tensors, tmp_path / "a")
    report = resize(tmp_path / "a", tmp_path / "b", energy=0.9)
    assert (fact(report)["rank"], fact(report)["energy"]) == (1, 1.0)
    assert not load_file(tmp_path / "b")[f"{AT}.lora_up.weight"].any()


def test_convolutions(tmp_path):
    at = "lora_unet_down_blocks_0_resnets_0_conv1"
    loras.kohya_file(tmp_path / "a", "sd1", rank=6)
    resize(tmp_path / "a", tmp_path / "b", rank=2)
    made = load_file(tmp_path / "b")
    assert made[f"{at}.lora_down.weight"].shape == (2, 16, 3, 3)
    assert made[f"{at}.lora_up.weight"].shape == (16, 2, 1, 1)


@pytest.mark.parametrize("kind", ["lokr", "loha"])
def test_other_methods_become_lora(tmp_path, kind):
    rng = np.random.default_rng(9)
    at = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k"
    if kind == "lokr":
        parts = {"lokr_w1": rng.standard_normal((4, 4)), "lokr_w2": rng.standard_normal((4, 192))}
        whole = np.kron(parts["lokr_w1"], parts["lokr_w2"])
    else:
        shapes = {"w1_a": (16, 2), "w1_b": (2, 768), "w2_a": (16, 2), "w2_b": (2, 768)}
        parts = {f"hada_{name}": rng.standard_normal(shape) for name, shape in shapes.items()}
        whole = (parts["hada_w1_a"] @ parts["hada_w1_b"]) * (
            parts["hada_w2_a"] @ parts["hada_w2_b"]
        )
        parts["alpha"] = np.asarray(1.0)
        whole = whole / 2
    save_file({f"{at}.{name}": array.astype("f4") for name, array in parts.items()}, tmp_path / "a")
    report = resize(tmp_path / "a", tmp_path / "b", energy=1.0, layout="kohya", family="sd1")
    assert np.allclose(product(load_file(tmp_path / "b"), at), whole, atol=1e-3)
    assert any("Written as LoRA" in note for note in report.notes)
    half = resize(tmp_path / "a", tmp_path / "c", rank=2, layout="diffusers", family="sd1")
    assert half.lossy
    assert 0 < half.energy < 1


def test_fused_modules_are_cut_as_one(tmp_path):
    """Cutting q, k and v apart and putting them together would take three times the rank."""
    loras.kohya_file(
        tmp_path / "a",
        "flux1",
        names=[
            ("lora_unet_double_blocks_0_img_attn_qkv", 288, 96, ()),
            ("lora_unet_single_blocks_0_linear1", 672, 96, ()),
        ],
        rank=8,
    )
    report = resize(tmp_path / "a", tmp_path / "b", rank=4, layout="kohya")
    assert report.ranks == (4, 4)


def test_recipe(tmp_path):
    loras.kohya_file(
        tmp_path / "a", "wan-1.3b", metadata={"ss_network_dim": "4", "ss_network_alpha": "2.0"}
    )
    resize(tmp_path / "a", tmp_path / "b", rank=2)
    with safe_open(tmp_path / "b", "np") as file:
        found = file.metadata()
    assert json.loads(found["lorahub.recipe"])["options"] == {"rank": 2}
    assert (found["ss_network_dim"], found["ss_network_alpha"]) == ("2", "2")


@pytest.mark.parametrize("wish", [{}, {"rank": 0}, {"rank": 5000}, {"energy": 0}, {"energy": 1.5}])
def test_nonsense(tmp_path, wish):
    loras.kohya_file(tmp_path / "a", "wan-1.3b")
    with pytest.raises(AdapterFileError):
        resize(tmp_path / "a", tmp_path / "b", **wish)
