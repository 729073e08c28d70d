"""Where in its model a module sits: the block it belongs to and the part it plays there."""

import re
from dataclasses import dataclass

from lorahub.adapters.modules import Module

_TEXT = re.compile(r"(?:^|_)layers?_(\d+)_")
_UNET = re.compile(r"(down|up)_blocks_(\d+)_(attentions|resnets|motion_modules)_(\d+)")
_SAMPLER = re.compile(r"(down|up)_blocks_(\d+)_(?:down|up)samplers")
_MIDDLE = re.compile(r"mid(?:dle)?_block")
_SGM = re.compile(r"(input|output)_blocks_(\d+)_")
# (pattern, what the blocks are called)
_STACKS = tuple(
    (re.compile(rf"(?:^|_){name}_(\d+)_"), label)
    for name, label in (
        ("single_transformer_blocks", "single"),
        ("single_stream_blocks", "single"),
        ("single_blocks", "single"),
        ("double_stream_blocks", "double"),
        ("double_blocks", "double"),
        ("joint_transformer_blocks", "joint"),
        ("joint_blocks", "joint"),
        ("noise_refiner", "noise refiner"),
        ("context_refiner", "context refiner"),
        ("token_refiner", "refiner"),
        ("visual_transformer_blocks", "visual"),
        ("transformer_blocks", "block"),
        ("blocks", "block"),
        ("layers", "layer"),
        ("layer", "layer"),
        ("block", "block"),
        ("h", "layer"),
    )
)
# The first that fits names the part. Flat names: dots are underscores.
_PARTS = tuple(
    (re.compile(pattern), part)
    for pattern, part in (
        (r"(attn2|cross_attn|encoder_attn|EncDecAttention|add_[qkv]_proj|to_add_out)", "cross"),
        (r"(attn|attention(?!s_)|SelfAttention|_[qkvo]_proj$|qkv|Wqkv|query|self_attn)", "self"),
        (
            r"(_ff_|_ff$|ffn|mlp|feed_forward|fc[12]$|DenseReluDense|_w[123]$|gate_proj|up_proj)",
            "ff",
        ),
        (r"(linear[12]$|proj_mlp|to_qkv_mlp_proj)", "fused"),
        (r"(resnets|conv|in_layers|out_layers|skip_connection|samplers|_op$)", "conv"),
        (r"(norm|mod_lin|modulation|adaLN|_mod_\d)", "norm"),
        (r"(time|label_emb|vector_in|guidance|embed|txt_in|img_in|wte)", "embedding"),
        (r"(proj_in|proj_out|final_layer|lm_head|score|classifier)", "projection"),
    )
)
PARTS = {
    "self": "attention",
    "cross": "cross-attention",
    "ff": "feed-forward",
    "fused": "fused attention and feed-forward",
    "conv": "convolutions",
    "norm": "norms and modulation",
    "embedding": "embeddings",
    "projection": "projections",
    "other": "other",
}
_SGM_STEP = 3


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """`group` is a stretch of the model ("down", "double", "layer"), `index` orders within it,
    `block` names one block ("down.1.0", "double.7") and `part` is a key of PARTS.
    """

    component: str
    group: str
    index: tuple[int, ...]
    block: str
    part: str


def place_of(module: Module) -> Place:
    flat = module.path.replace(".", "_")
    group, index = _block(flat, module.component)
    text = module.component.startswith("text_encoder")
    head = module.component if text else ""
    name = ".".join([*([head] if head else []), group, *map(str, index)])
    part = next((part for pattern, part in _PARTS if pattern.search(flat)), "other")
    return Place(module.component, group, index, name, part)


def _block(flat: str, component: str) -> tuple[str, tuple[int, ...]]:
    if component.startswith("text_encoder"):
        match = _TEXT.search(flat)
        return ("layer", (int(match[1]),)) if match else ("other", ())
    found = _unet(flat)
    if found:
        return found
    for pattern, label in _STACKS:
        match = pattern.search(flat)
        if match:
            return label, (int(match[1]),)
    return "other", ()


def _unet(flat: str) -> tuple[str, tuple[int, ...]] | None:
    match = _UNET.search(flat)
    if match:
        return match[1], (int(match[2]), int(match[4]))
    match = _SAMPLER.search(flat)
    if match:
        return match[1], (int(match[2]), 2 if match[1] == "down" else 3)
    if _MIDDLE.search(flat):
        return "mid", ()
    match = _SGM.search(flat)
    return _sgm(match[1], int(match[2])) if match else None


def _sgm(side: str, number: int) -> tuple[str, tuple[int, ...]]:
    """The names of the original code count on through all levels; ours count in each."""
    if side == "input":
        if not number:
            return "other", ()
        return "down", divmod(number - 1, _SGM_STEP)
    return "up", divmod(number, _SGM_STEP)
