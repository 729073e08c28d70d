"""U-Nets, their text encoders, and token vectors: Stable Diffusion and its kin."""

from lorahub.adapters.families.facts import Facts, Guess
from lorahub.adapters.layouts import Layout


def embedding(layout: Layout) -> Guess:
    widths = {module.parts["prompt"].shape[-1] for module in layout.modules.values()}
    why = f"token vectors of width {', '.join(map(str, sorted(widths)))}"
    by_width = {
        frozenset({768}): ["sd1"],
        frozenset({1024}): ["sd2"],
        frozenset({768, 1280}): ["sdxl"],
        frozenset({1280}): ["sdxl"],
        frozenset({768, 1280, 4096}): ["sd3"],
        frozenset({768, 4096}): ["flux1"],
        frozenset({4096}): ["flux1", "sd3"],
    }
    return by_width.get(frozenset(widths), []), why


_UNET = r"^(down_blocks|up_blocks|mid_block|input_blocks|output_blocks|middle_block)_"


_UNET_WIDTHS = {
    768: ["sd1"], 1024: ["sd2"], 2048: ["sdxl"], 1280: ["sdxl-refiner"], 96: ["shapes"],
}  # fmt: skip
# The demo's base is narrower than any other: its levels tell it where cross-attention is left out.
_SHAPES_LEVELS = frozenset({56, 96, 128})
_UNET_INNER = (
    r"(attn[12]_(processor_)?to_(q|out_0|out)(_lora)?|attn1_to_[kv]|_proj_in|resnets_\d+_conv2)$"
)
_UNET_OUT = r"(ff_net_2|proj_out|resnets_\d+_conv1)$"
_UNET_MARKS = (
    (
        r"transformer_blocks_([2-9]|1\d)_|add_embedding|label_emb",
        ["sdxl"],
        "blocks that only SDXL has",
    ),
    (
        r"down_blocks_3_|input_blocks_1[01]_|output_blocks_(9|1\d)_",
        ["sd1", "sd2"],
        "four levels of U-Net blocks",
    ),
)


# They have the cross-attention of one of those above, or none of their own.
_OTHER_UNETS: tuple[tuple[str, list[str], str], ...] = (
    (r"temporal_transformer_blocks|time_stack_", ["svd"], "attention over time"),
    (r"temp_attentions|temp_convs|transformer_in_", ["modelscope"], "attention over time"),
    (r"encoder_hid_proj", ["kolors"], "a projection of ChatGLM's text"),
    # Kandinsky 2 and DeepFloyd IF have attention without blocks; nothing tells them apart.
    (r"_attentions_\d+_(to_[qkv]|add_[kv]_proj)", [], ""),
)


def unet(facts: Facts) -> Guess:
    if facts.has(r"motion_modules"):
        return ["animatediff"], "motion modules"
    if not facts.has(_UNET):
        return [], ""
    for pattern, names, why in _OTHER_UNETS:
        if facts.has(pattern):
            return names, why
    width = facts.width(r"attn2_(processor_)?to_[kv]")
    if width:
        return _UNET_WIDTHS.get(width, []), f"cross-attention takes {width} features"
    return _without_cross_attention(facts)


def _without_cross_attention(facts: Facts) -> Guess:
    inner = facts.width(_UNET_INNER) or facts.width(_UNET_OUT, out=True)
    if inner in _SHAPES_LEVELS:
        return ["shapes"], f"a U-Net level {inner} wide"
    for pattern, names, why in _UNET_MARKS:
        if facts.has(pattern):
            return names, why
    return ["sd1", "sdxl", "sd2"], "U-Net block names"


def text_encoder(facts: Facts, layout: Layout) -> Guess:
    if any(module.component == "text_encoder_2" for module in layout.modules.values()):
        return ["sdxl"], "two text encoders"
    if facts.has(r"SelfAttention_[qkvo]$|DenseReluDense"):
        return ["sd3", "flux1"], "a T5 text encoder"
    width = facts.width(r"self_attn_[qkv]_proj|self_attn_to_[qkv]")
    names = {
        768: ["sd1", "sdxl", "flux1", "sd3"], 1024: ["sd2"], 1280: ["sdxl", "sd3"], 96: ["shapes"],
    }  # fmt: skip
    return names.get(width or 0, []), f"text encoder {width} wide"
