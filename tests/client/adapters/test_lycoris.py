"""The tensors that LyCORIS 4.1.3 saves for a small attention block, of each of its algorithms.

lycoris_keys.json holds their dtypes and shapes, as `create_lycoris(...).state_dict()` gave them for
to_q: Linear(64, 64), to_k: Linear(768, 64), conv: Conv2d(64, 32, 3) and two norms, at rank 4.
"""

import json
from pathlib import Path

import pytest

from lorahub.adapters import Header, TensorInfo, read_modules, summarise

KEYS = json.loads(Path(__file__).with_name("lycoris_keys.json").read_text())
BYTES = {
    "float32": ("F32", 4),
    "float16": ("F16", 2),
    "bfloat16": ("BF16", 2),
    "int64": ("I64", 8),
    "bool": ("BOOL", 1),
}
HEADS = {
    "lycoris": "lycoris_down_blocks_1_attentions_0_transformer_blocks_0_attn2_",
    "kohya": "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_",
}
METHODS = {
    "lora": "locon", "lora_use_tucker": "locon", "lora_rs_lora": "locon", "lora_train_norm": "locon",
    "dylora": "locon", "diag-oft": "oft", "diag-oft_rescaled": "oft", "lora_dora_wd": "dora",
    "lora_wd_on_output_dora_wd": "dora", "tlora": "tlora",
}  # fmt: skip
RULES = {"oft": "none", "boft": "none", "ia3": "none", "full": "1", "tlora": "none"}


def header(algorithm, head):
    tensors, at = {}, 0
    for key, (dtype, shape) in KEYS[algorithm].items():
        name, width = BYTES[dtype]
        for each in shape:
            width *= each
        tensors[head + key] = TensorInfo(name, tuple(shape), at, at + width)
        at += width
    return Header(tensors, {}, 8, at + 8)


@pytest.mark.parametrize("layout", HEADS)
@pytest.mark.parametrize("algorithm", KEYS)
def test_recognised(algorithm, layout):
    head = header(algorithm, HEADS[layout])
    found = summarise(head)
    method = METHODS.get(algorithm, algorithm.split("_")[0])
    assert found.layout == layout
    assert found.method == method
    assert found.warnings == []
    assert found.extra_parameters == 0
    modules = {
        each.path.removeprefix(HEADS[layout].partition("_")[2]): each for each in read_modules(head)
    }
    assert len(modules) == (5 if "norm" in algorithm else 3)
    # Every tensor has its place in one module.
    assert sorted(key for each in modules.values() for key in each.factors.values()) == sorted(
        head.tensors
    )


@pytest.mark.parametrize("algorithm", KEYS)
def test_shapes_ranks_and_scales(algorithm):
    by_end = {
        each.path.rsplit("_attn2_")[-1]: each
        for each in read_modules(header(algorithm, HEADS["kohya"]))
    }
    linear, wide, conv = by_end["to_q"], by_end["to_k"], by_end["conv"]
    method = METHODS.get(algorithm, algorithm.split("_")[0])
    known = method in {"lora", "locon", "dora", "loha", "lokr", "full"}
    assert linear.shape == ((64, 64) if known else linear.shape)
    assert wide.shape == ((64, 768) if known else wide.shape)
    if known:
        # LoHa without a core keeps the kernel flattened into its inner side.
        flat = (32, 576)
        assert conv.shape in {(32, 64, 3, 3), flat if method == "loha" else (32, 64, 3, 3)}
    if method in {"locon", "dora", "loha"}:
        assert {linear.rank, wide.rank, conv.rank} == {4}
        assert linear.scale_rule == "alpha/r"
        assert linear.alpha_key == f"{HEADS['kohya']}to_q.alpha"
    if method == "lokr":
        # Both factors are whole: no rank, and no scale either.
        assert (linear.rank, linear.scale_rule) == (None, "1")
    if method in RULES:
        assert linear.scale_rule == RULES[method]


def test_norms_are_modules_of_their_own():
    norms = [
        each
        for each in read_modules(header("lora_train_norm", HEADS["kohya"]))
        if each.kind == "norm"
    ]
    assert len(norms) == 2
    assert {frozenset(each.factors) for each in norms} == {frozenset({"diff", "bias"})}
    assert {each.scale_rule for each in norms} == {"1"}
