"""Transformers with a stream for the picture and one for the text: FLUX, SD 3 and their kin."""

import re

from lorahub.adapters.families.facts import Facts, Guess

FLUX_WIDTH = 3072
_FLUX2_WIDTHS = {3072: "flux2-klein-4b", 4096: "flux2-klein-9b", 6144: "flux2"}
_FLUX2_LINEAR1_ROWS = (27648, 36864, 55296)
# The numbers of streams apart tell them; HunyuanVideo 1.5 has no single blocks.
_HUNYUAN_WIDTHS = {2048: "hunyuan-video-1.5", 3584: "hunyuan-image"}
_FLUX_LAST_DOUBLE_BLOCK, _FLUX_LAST_SINGLE_BLOCK = 18, 37
_KLEIN_LAST = (4, 19)
_KLEIN_9B_LAST = 7
_HUNYUAN_LAST_DOUBLE_BLOCK = 19
# Ovis-Image gates the MLP, so that it begins twice as wide; it has few blocks.
_GATED_ROWS = 24576
_OVIS_LAST = (5, 26)
_NUCLEUS_LAST, _KREA2_ROWS = 23, 1536


def double_single(facts: Facts) -> Guess:
    if not facts.has(r"^(double_blocks|single_blocks|single_transformer_blocks)_"):
        return [], ""
    width = facts.width(
        r"((img|txt)_attn_(qkv|[qkv])|linear1|attn_to_[qkv]|qkv_lora\d?|attn_proj|mlp_0|mod_lin|"
        r"add_[qkv]_proj|mlp_fc1|ff_(context_)?linear_in|to_qkv_mlp_proj)$"
    )
    double = facts.last(r"^(?:double|transformer)_blocks_(\d+)_")
    single = facts.last(r"^single_(?:transformer_)?blocks_(\d+)_")
    second = facts.has(r"to_qkv_mlp_proj|ff_linear_in|double_stream_modulation") or (
        facts.width(r"linear1$", out=True) in _FLUX2_LINEAR1_ROWS
    )
    hunyuan = (
        facts.has(r"(img|txt)_mlp_fc[12]")
        # FLUX has a dot there; kohya's flattened names lost the difference.
        or any(re.search(r"\.(img|txt)_attn_(qkv|proj)$", each.path) for each in facts.modules)
        or single > _FLUX_LAST_SINGLE_BLOCK
        or double > _FLUX_LAST_DOUBLE_BLOCK
    )
    names = ["flux1", "chroma"]
    if not facts.has(r"(img|txt)_mlp_[02]$|ff_net|linear[12]$|proj_(mlp|out)$"):
        # Attention alone: the same in three more families, as far as their blocks go.
        names += ["hunyuan-video"]
        names += ["flux2-klein-4b"] if double <= _KLEIN_LAST[0] and single <= _KLEIN_LAST[1] else []
        names += _ovis(facts, double, single)
    if width in _HUNYUAN_WIDTHS:
        names = [_HUNYUAN_WIDTHS[width]]
    elif _is_gated(facts):
        names = ["ovis-image"]
    elif second or (width in _FLUX2_WIDTHS and width != FLUX_WIDTH):
        names = [_FLUX2_WIDTHS.get(width or 0, "flux2")]
    elif hunyuan:
        names = ["hunyuan-video"]
    elif facts.has(r"mod_lin|modulation_lin|norm1?_linear$"):
        names = ["flux1", *_ovis(facts, double, single)] if _is_bare(facts) else ["flux1"]
    return names, f"double and single stream blocks, {width} wide"


def _is_gated(facts: Facts) -> bool:
    return facts.width(r"(proj_mlp|ff_(context_)?net_0_proj)$", out=True) == _GATED_ROWS


def _is_bare(facts: Facts) -> bool:
    """Whether no module shows how wide the MLP is."""
    return not facts.has(r"(mlp_[02]|ff_(context_)?net_\w+|linear[12]|proj_(mlp|out))$")


def _ovis(facts: Facts, double: int, single: int) -> list[str]:
    """Ovis-Image where nothing speaks against it: the names of diffusers alone are known."""
    fits = double <= _OVIS_LAST[0] and single <= _OVIS_LAST[1]
    diffusers = facts.has(r"^(single_)?transformer_blocks_")
    return ["ovis-image"] if fits and diffusers else []


def joint(facts: Facts) -> Guess:
    if facts.has(r"^joint_blocks_") or (
        facts.has(r"^transformer_blocks_\d+_attn_") and facts.has(r"add_[qkv]_proj|to_add_out")
    ):
        width = facts.width(r"(attn_qkv|attn_to_q|attn2_to_q|add_q_proj)$") or facts.width(
            r"(attn_to_[kv]|add_[kv]_proj)$"
        )
        why = f"joint attention blocks, {width} wide"
        if facts.has(r"attn2_"):
            return ["sd3.5-medium"], why
        return joint_by_width(facts, width), why
    return [], ""


def joint_by_width(facts: Facts, width: int | None) -> list[str]:
    if width == FLUX_WIDTH:
        last = facts.last(r"^transformer_blocks_(\d+)_")
        if last > _HUNYUAN_LAST_DOUBLE_BLOCK:
            return ["qwen-image"]
        if last > _FLUX_LAST_DOUBLE_BLOCK:
            return ["hunyuan-video", "qwen-image"]
        if _is_gated(facts):
            return ["ovis-image"]
        klein = ["flux2-klein-4b"] if last <= _KLEIN_LAST[0] else []
        ovis = _ovis(facts, last, -1)
        return ["flux1", "chroma", "qwen-image", "hunyuan-video", *klein, *ovis]
    by_width = {
        1536: ["sd3", "sd3.5-medium"],
        2048: _two_thousand(facts),
        2432: ["sd3.5-large"],
        3584: ["hunyuan-image"],
        4096: _four_thousand(facts),
        5376: ["minimax-h3"],
        6144: _six_thousand(facts),
    }
    return by_width.get(width or 0, [])


def _two_thousand(facts: Facts) -> list[str]:
    """Nucleus-Image asks nothing of the text and has fewer blocks."""
    if facts.has(r"add_q_proj|to_add_out|ff_context") or (
        facts.last(r"^transformer_blocks_(\d+)_") > _NUCLEUS_LAST
    ):
        return ["hunyuan-video-1.5"]
    return ["hunyuan-video-1.5", "nucleus-image"]


def _four_thousand(facts: Facts) -> list[str]:
    if facts.has(r"add_[qkv]_proj|to_add_out|ff_context|ff_linear_in"):
        return ["flux2-klein-9b"]
    last = facts.last(r"^transformer_blocks_(\d+)_")
    return ["qwen-image-2.1"] if last > _KLEIN_9B_LAST else ["flux2-klein-9b", "qwen-image-2.1"]


def _six_thousand(facts: Facts) -> list[str]:
    """In Krea 2 many queries share a key."""
    rows = facts.width(r"_attn_to_[kv]$", out=True)
    if facts.has(r"add_[qkv]_proj|to_add_out") or (rows and rows != _KREA2_ROWS):
        return ["flux2"]
    return ["krea2"] if rows else ["flux2", "krea2"]
