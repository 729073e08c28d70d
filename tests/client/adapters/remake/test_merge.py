"""Sums of adapters against the dense sums, whatever the factors look like."""

import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from lorahub.adapters import AdapterFileError, Ingredient, merge
from lorahub.adapters.remake.combine import drop
from support import loras

AT = "lora_unet_blocks_3_self_attn_q"
NAMES = [(AT, 40, 1536, ()), ("lora_unet_blocks_3_ffn_0", 24, 1536, ())]


def product(tensors, name=AT):
    down, up = (tensors[f"{name}.lora_{end}.weight"] for end in ("down", "up"))
    alpha = float(tensors.get(f"{name}.alpha", len(down)))
    return up.astype("f8") @ down.astype("f8") * alpha / len(down)


def two(tmp_path, **options):
    made = []
    for index, (rank, alpha) in enumerate(((4, 2.0), (3, 6.0))):
        made.append(
            loras.kohya_file(
                tmp_path / f"{index}.safetensors",
                "wan-1.3b",
                names=NAMES,
                rank=rank,
                alpha=alpha,
                seed=index,
                **options,
            )
        )
    return made


def of(tmp_path, *weights):
    return [
        Ingredient(tmp_path / f"{index}.safetensors", weight)
        for index, weight in enumerate(weights)
    ]


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.7, 0.3), (-1.0, 0.5), (0.5, 0.0)])
def test_concat_is_exact(tmp_path, weights):
    one, other = two(tmp_path)
    report = merge(of(tmp_path, *weights), tmp_path / "out")
    wanted = weights[0] * product(one) + weights[1] * product(other)
    made = load_file(tmp_path / "out")
    assert np.allclose(product(made), wanted, atol=1e-6)
    assert len(made[f"{AT}.lora_down.weight"]) == 7
    assert not report.lossy
    assert report.error < 1e-6


def test_the_weight_counts_once(tmp_path):
    """kohya's merge multiplies both factors with the ratio, so that 0.5 and 0.5 make an eighth."""
    one, _ = two(tmp_path)
    merge(
        [Ingredient(tmp_path / "0.safetensors", 0.5), Ingredient(tmp_path / "0.safetensors", 0.5)],
        tmp_path / "out",
    )
    assert np.allclose(product(load_file(tmp_path / "out")), product(one), atol=1e-6)


@pytest.mark.parametrize("method", ["concat", "linear", "ties", "dare", "dare_ties"])
def test_no_method_depends_on_how_a_product_is_factored(tmp_path, method):
    """Merges of factors do: multiply one by 5 and divide the other, and another model comes out."""
    one, _ = two(tmp_path)
    options = {"method": method, "rank": 8, "seed": 3}
    merge(of(tmp_path, 1.0, 1.0), tmp_path / "out", **options)
    turned = {name: array.copy() for name, array in one.items()}
    for name, array in one.items():
        if name.endswith("lora_up.weight"):
            turned[name] = np.ascontiguousarray(array[:, ::-1] * np.float32(5))
        elif name.endswith("lora_down.weight"):
            turned[name] = np.ascontiguousarray(array[::-1] * np.float32(0.2))
    save_file(turned, tmp_path / "0.safetensors")
    merge(of(tmp_path, 1.0, 1.0), tmp_path / "again", **options)
    before, after = product(load_file(tmp_path / "out")), product(load_file(tmp_path / "again"))
    assert np.linalg.norm(before - after) < 1e-2 * np.linalg.norm(before)


@pytest.mark.parametrize("rank", [1, 3, 7])
def test_linear_is_the_best_of_its_rank(tmp_path, rank):
    one, other = two(tmp_path)
    report = merge(of(tmp_path, 0.6, 0.8), tmp_path / "out", method="linear", rank=rank)
    wanted = 0.6 * product(one) + 0.8 * product(other)
    sigma = np.linalg.svd(wanted, compute_uv=False)
    made = product(load_file(tmp_path / "out"))
    assert np.linalg.norm(made - wanted) == pytest.approx(
        np.sqrt(np.sum(sigma[rank:] ** 2)), abs=1e-4
    )
    kept = next(each["energy"] for each in report.modules if each["name"] == AT)
    assert kept == pytest.approx(np.sum(sigma[:rank] ** 2) / np.sum(sigma**2), abs=1e-5)


def test_layouts_and_dtypes_may_differ(tmp_path):
    from lorahub.adapters import convert

    one, other = two(tmp_path)
    convert(
        tmp_path / "1.safetensors", tmp_path / "d.safetensors", layout="diffusers", dtype="bf16"
    )
    merge(
        [Ingredient(tmp_path / "0.safetensors", 1.0), Ingredient(tmp_path / "d.safetensors", 0.5)],
        tmp_path / "out",
    )
    made = load_file(tmp_path / "out")
    assert made[f"{AT}.lora_down.weight"].dtype == np.float32
    wanted = product(one) + 0.5 * product(other)
    assert np.linalg.norm(product(made) - wanted) < 1e-2 * np.linalg.norm(wanted)


def test_a_module_of_one_alone_is_kept(tmp_path):
    one, _ = two(tmp_path)
    loras.kohya_file(tmp_path / "1.safetensors", "wan-1.3b", names=NAMES[1:], seed=5)
    merge(of(tmp_path, 0.5, 1.0), tmp_path / "out")
    assert np.allclose(product(load_file(tmp_path / "out")), 0.5 * product(one), atol=1e-6)


def test_dare_drops_the_share_that_it_says_and_grows_the_rest():
    matrix = np.ones((200, 300), "f4")
    made = drop(matrix.copy(), 0.25, "a")
    assert np.mean(made != 0) == pytest.approx(0.25, abs=0.01)
    assert set(np.unique(made)) == {0.0, 4.0}
    assert np.array_equal(made, drop(matrix.copy(), 0.25, "a"))
    assert not np.array_equal(made, drop(matrix.copy(), 0.25, "b"))


def test_dare_is_seeded(tmp_path):
    two(tmp_path)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        merge(of(tmp_path, 1.0, 1.0), tmp_path / name, method="dare", seed=seed, rank=4)
    contents = [(tmp_path / name).read_bytes() for name in "abc"]
    assert contents[0] == contents[1] != contents[2]


def test_what_a_cut_loses_is_told(tmp_path):
    two(tmp_path)
    report = merge(of(tmp_path, 1.0, 1.0), tmp_path / "out", method="dare", rank=4)
    assert report.lossy
    assert 0 < report.energy < 0.9


def test_large_dense_sums_are_cut_well():
    """Above 512 the subspace is found by iteration: it must come near the best."""
    from lorahub.adapters.remake.linear import dense_svd

    rng = np.random.default_rng(1)
    matrix = (rng.standard_normal((600, 40)) * 2.0 ** -np.arange(40)) @ rng.standard_normal(
        (40, 700)
    )
    matrix += 1e-4 * rng.standard_normal((600, 700))
    u, sigma, vt = dense_svd(matrix, 8)
    best = np.linalg.svd(matrix, compute_uv=False)
    assert np.allclose(sigma, best[:8], rtol=1e-6)
    rest = np.linalg.norm(matrix - (u * sigma) @ vt)
    assert rest == pytest.approx(np.sqrt(np.sum(best[8:] ** 2)), rel=1e-6)


def refused(code, *arguments, **options):
    with pytest.raises(AdapterFileError) as caught:
        merge(*arguments, **options)
    assert caught.value.code == code


def test_families_must_match(tmp_path):
    loras.kohya_file(tmp_path / "0.safetensors", "wan-1.3b")
    loras.kohya_file(tmp_path / "1.safetensors", "sd1")
    refused("families_differ", of(tmp_path, 1.0, 1.0), tmp_path / "out")


def test_sizes_must_match(tmp_path):
    loras.kohya_file(tmp_path / "0.safetensors", "wan-1.3b", names=NAMES)
    loras.kohya_file(tmp_path / "1.safetensors", "wan-1.3b", names=[(AT, 48, 1536, ())])
    refused("shapes_differ", of(tmp_path, 1.0, 1.0), tmp_path / "out")


def test_language_models_merge_by_their_paths(tmp_path):
    modules = loras.llama_modules()
    one = loras.peft_folder(tmp_path / "a", modules, seed=1)
    other = loras.peft_folder(tmp_path / "b", modules, seed=2, alpha=4)
    merge([Ingredient(tmp_path / "a", 1.0), Ingredient(tmp_path / "b", 1.0)], tmp_path / "out")
    made = load_file(tmp_path / "out" / "adapter_model.safetensors")
    config = json.loads((tmp_path / "out" / "adapter_config.json").read_text())
    name = "base_model.model.model.layers.0.self_attn.q_proj"
    wanted = 2 * one[f"{name}.lora_B.weight"] @ one[f"{name}.lora_A.weight"]
    wanted = wanted + other[f"{name}.lora_B.weight"] @ other[f"{name}.lora_A.weight"]
    found = made[f"{name}.lora_B.weight"] @ made[f"{name}.lora_A.weight"]
    assert np.allclose(found * config["lora_alpha"] / config["r"], wanted, atol=1e-5)
    loras.peft_folder(tmp_path / "c", loras.llama_modules(width=48))
    refused(
        "families_differ", [Ingredient(tmp_path / "a"), Ingredient(tmp_path / "c")], tmp_path / "x"
    )


def test_dora_is_refused(tmp_path):
    two(tmp_path)
    tensors = loras.kohya_tensors("wan-1.3b", names=NAMES)
    tensors[f"{AT}.dora_scale"] = np.ones((40, 1), "f4")
    save_file(tensors, tmp_path / "1.safetensors")
    refused("dora_not_mergeable", of(tmp_path, 1.0, 1.0), tmp_path / "out")


def test_recipe_and_parents(tmp_path):
    two(
        tmp_path,
        metadata={
            "modelspec.title": "T",
            "ss_learning_rate": "1",
            "modelspec.trigger_phrase": "abc",
        },
    )
    merge(of(tmp_path, 1.0, 0.5), tmp_path / "out", method="ties", rank=2)
    with safe_open(tmp_path / "out", "np") as file:
        found = file.metadata()
    recipe = json.loads(found["lorahub.recipe"])
    assert recipe["options"]["method"] == "ties"
    assert [each["weight"] for each in recipe["sources"]] == [1.0, 0.5]
    assert found["modelspec.merged_from"] == "0, 1"
    assert "ss_learning_rate" not in found


@pytest.mark.parametrize(
    "wish",
    [
        {"method": "sum"},
        {"method": "linear"},
        {"method": "ties", "energy": 0.5},
        {"method": "dare", "density": 0},
    ],
)
def test_nonsense(tmp_path, wish):
    two(tmp_path)
    with pytest.raises(AdapterFileError):
        merge(of(tmp_path, 1.0, 1.0), tmp_path / "out", **wish)
    with pytest.raises(AdapterFileError):
        merge(of(tmp_path, float("nan")), tmp_path / "out")
