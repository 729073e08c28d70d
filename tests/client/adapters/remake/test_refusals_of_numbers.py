"""What nothing sound can be made of is refused by name, and never measured into a crash."""

import contextlib
import json
import warnings

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import load_file as load_torch
from safetensors.torch import save_file as save_torch

from lorahub.adapters import Ingredient, compare, convert, merge, resize
from lorahub.adapters.errors import AdapterFileError
from lorahub.adapters.remake.plan import make_plan, make_variant
from lorahub.adapters.report import inspect_file

_NAME = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"


def kohya(path, alpha=2.0, first=1.0):
    up = np.ones((320, 4), "f4")
    up[0, 0] = first
    tensors = {
        f"{_NAME}.lora_up.weight": up,
        f"{_NAME}.lora_down.weight": np.ones((4, 768), "f4"),
        f"{_NAME}.alpha": np.array(alpha, "f4"),
    }
    save_file(tensors, path)
    return path


@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.parametrize("plan", [{"rank": 2}, {"energy": 0.9}, {"layout": "diffusers"}])
def test_numbers_that_are_none(tmp_path, number, plan):
    path = kohya(tmp_path / "a.safetensors", first=number)
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(AdapterFileError) as refused:
        make_variant(path, None, out, make_plan(**plan))
    assert (refused.value.code, refused.value.key) == ("not_finite", _NAME)
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("alpha", [1e38, 3e38, -1e38, 1e20])
def test_absurd_alphas_are_measured(tmp_path, alpha):
    report = inspect_file(kohya(tmp_path / "a.safetensors", alpha))
    assert report["modules"][0]["rank"] == 4
    assert json.dumps(report, allow_nan=False)


def test_repeated_layers_are_kept_or_refused(tmp_path):
    folder = tmp_path / "peft"
    folder.mkdir()
    name = "base_model.model.model.layers.0.self_attn.q_proj.lora_{}.weight"
    save_file(
        {name.format("A"): np.ones((4, 64), "f4"), name.format("B"): np.ones((64, 4), "f4")},
        folder / "adapter_model.safetensors",
    )
    config = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"],
              "layer_replication": [[0, 2], [1, 3]]}  # fmt: skip
    for plan in ({"rank": 2}, {"layout": "peft", "dtype": "fp16"}):
        out = tmp_path / str(len(list(tmp_path.iterdir())))
        out.mkdir()
        with pytest.raises(AdapterFileError, match="layer_replication"):
            make_variant(folder / "adapter_model.safetensors", config, out, make_plan(**plan))
    out = tmp_path / "cast"
    out.mkdir()
    made, _ = make_variant(
        folder / "adapter_model.safetensors", config, out, make_plan(dtype="fp16")
    )
    told = json.loads(next(path for path in made if path.suffix == ".json").read_text())
    assert told["layer_replication"] == [[0, 2], [1, 3]]


# Those in the factors themselves are followed through everything, which takes its time.
HUGE = [
    {"alpha": np.inf}, {"alpha": -np.inf}, {"alpha": np.nan}, {"alpha": 3e38}, {"first": 3e38},
    pytest.param({"first": -1e30}, marks=pytest.mark.slow),
    pytest.param({"first": 1e20, "alpha": 1e12}, marks=pytest.mark.slow),
]  # fmt: skip


@pytest.mark.parametrize("numbers", HUGE, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_huge_numbers_are_refused_or_followed_in_silence(tmp_path, numbers, dtype):
    """NumPy's own warnings are nothing for people."""
    path = kohya(tmp_path / "a.safetensors", **numbers)
    tensors = {n: t.to(dtype) if "lora" in n else t for n, t in load_torch(path).items()}
    save_torch(tensors, path)
    other = kohya(tmp_path / "b.safetensors")
    out = tmp_path / "out"
    parts = [Ingredient(path), Ingredient(other, 0.5)]
    attempts = [
        lambda: convert(path, out, layout="diffusers", force=True),
        lambda: convert(path, out, layout="kohya", dtype="fp16", force=True),
        lambda: convert(path, out, dtype="fp16", force=True),
        lambda: resize(path, out, rank=2, force=True),
        lambda: resize(path, out, energy=0.9, force=True),
        lambda: merge(parts, out, force=True),
        *(
            lambda method=method: merge(parts, out, method=method, rank=2, force=True)
            for method in ("linear", "ties", "dare")
        ),
        lambda: compare(path, other),
        lambda: json.dumps(inspect_file(path), allow_nan=False),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for attempt in attempts:
            with contextlib.suppress(AdapterFileError):
                attempt()
    assert {file.name for file in tmp_path.iterdir()} <= {path.name, other.name, out.name}


def test_what_is_no_number_proves_nothing(tmp_path):
    """A norm that overflows was taken for a proof."""
    path = kohya(tmp_path / "a.safetensors", first=3e38)
    with pytest.raises(AdapterFileError) as refused:
        resize(path, tmp_path / "b", rank=2, dtype="fp16")
    assert refused.value.code in ("not_finite", "overflow", "not_proven", "bad_alpha")
