"""Other diffusion transformers, for pictures, films and sound."""

from lorahub.adapters.families.facts import Facts, Guess
from lorahub.adapters.families.streams import FLUX_WIDTH, joint_by_width

# Module names that one family alone has; the first that fits counts.
_NAMES: tuple[tuple[str, str], ...] = (
    (r"audio_attn[12]|audio_to_video_attn|video_to_audio_attn", "ltx2"),
    (r"^joint_transformer_blocks_|single_transformer_blocks_\d+_ff_linear_[12]$", "auraflow"),
    (r"(double|single)_layers_\d+_(attn_w[12][qkvo]|mlp)", "auraflow"),
    (r"double_stream_blocks_", "hidream"),
    (r"txt_mode_blocks_|mode_blocks_image|single_transformer_blocks_\d+_ff_linear_(in|out)$",
     "flux3"),
    (r"transformer_blocks_\d+_(attn_to_gate|ff_(gate|up|down))$|text_?fusion", "krea2"),
    (r"distilled_guidance_layer", "chroma"),
    (r"^layers_\d+_self_attention_to_", "ernie-image"),
    (r"transformer_blocks_\d+_(video|audio)_dec_block|^(video|audio)_text_transformer_blocks_",
     "kandinsky6"),
    (r"visual_transformer_blocks_", "kandinsky5"),
    (r"llm_adapter_", "anima"),
    (r"blocks_\d+_attention_(img_qkv|txt_kv)_proj$", "prx"),
    (r"layers_\d+_(self_attn_(add_[qkv]_proj|to_add_out)|mlp_moe_gen_)", "cosmos3"),
    (r"layers_\d+_cross_attn_to_(q|k|v|out)", "ace-step"),
    (r"double_blocks_\d+_(attn_(img|txt)_attn_(qkv|proj)|(img|txt)_mlp_net_)", "joyimage"),
)  # fmt: skip
_HUNYUAN_REFINER = r"individual_token_refiner|context_embedder_token_refiner"
_HUNYUAN_WIDTHS = {2048: "hunyuan-video-1.5", 3072: "hunyuan-video", 3584: "hunyuan-image"}
# By the width of the part of Qwen-Image that others copied.
_QWEN_WIDTHS = {2048: "nucleus-image", 3072: "qwen-image", 4096: "qwen-image-2.1"}


def named(facts: Facts) -> Guess:
    """Families with a module name that no other has."""
    for pattern, name in _NAMES:
        if facts.has(pattern):
            return [name], f"modules named like {name}'s"
    if facts.has(r"transformer_blocks_\d+_(img_mlp|txt_mlp|img_mod|txt_mod)"):
        width = facts.width(r"(attn_to_[qkv]|img_mod_1|img_mlp_(net_0_)?proj)$")
        name = _QWEN_WIDTHS.get(width or FLUX_WIDTH, "qwen-image")
        return [name], f"modules named like {name}'s, {width} wide"
    if facts.has(_HUNYUAN_REFINER):
        width = facts.width(r"blocks_\d+_(attn_to_[qkv]|self_attn_qkv|ff_net_0_proj)$")
        name = _HUNYUAN_WIDTHS.get(width or FLUX_WIDTH, "hunyuan-video")
        return [name], f"modules named like {name}'s"
    return [], ""


_ORIGINAL_COSMOS = r"(^|_)blocks_\d+_self_attn_([qkv]_proj|output_proj)$"
_COSMOS_WIDTHS = {2048: ["anima", "cosmos-predict2-2b"], 5120: ["cosmos-predict2-14b"]}


def cosmos(facts: Facts) -> Guess:
    """Cosmos by its authors' names; Anima is one that was trained further."""
    if not facts.has(_ORIGINAL_COSMOS) or facts.has(r"layers_\d+_self_attn"):
        return [], ""
    width = facts.width(_ORIGINAL_COSMOS)
    return _COSMOS_WIDTHS.get(width or 0, ["anima"]), f"blocks named like Cosmos', {width} wide"


_WAN_BLOCKS = r"^(_?blocks|vace_blocks)_\d+_(self_attn|cross_attn|attn1|attn2|ffn)_"
_WAN_WIDTHS = {
    5120: ["wan-14b"], 1536: ["wan-1.3b"], 3072: ["wan-5b"], 1408: ["hunyuan-dit"],
}  # fmt: skip


def wan(facts: Facts) -> Guess:
    if not facts.has(_WAN_BLOCKS):
        return [], ""
    width = facts.width(
        r"(self_attn_[qkvo]|cross_attn_[qo]|cross_attn_[kv]_img|attn[12]_to_q|ffn_0|ffn_net_0_proj)$"
    )
    why = f"blocks with self- and cross-attention, {width} wide"
    return _WAN_WIDTHS.get(width or 0, ["wan"]), why


_LAYER_WIDTHS = {
    3840: ["z-image"], 2304: ["lumina2"], 4608: ["ideogram4"], 2520: ["omnigen2"],
    3584: ["bria-fibo-2"],
}  # fmt: skip
_SELF_WIDTHS = {4096: ["cosmos3"], 2048: ["ace-step"]}


def layers(facts: Facts) -> Guess:
    own = r"^layers_\d+_self_attn_to_(q|k|v|out)(_0)?$"
    if facts.has(own):
        width = facts.width(own)
        return _SELF_WIDTHS.get(width or 0, []), f"attention layers {width} wide"
    stacks = r"^(layers|noise_refiner|context_refiner|ref_image_refiner|siglip_refiner)"
    if not facts.has(rf"{stacks}_\d+_(attention|attn|feed_forward)"):
        return [], ""
    width = facts.width(r"(attention|attn)_(qkv|to_q|to_k|to_v|out|to_out_0)$") or facts.width(
        r"feed_forward_(w[13]|linear_[13])$"
    )
    return _LAYER_WIDTHS.get(width or 0, []), f"attention layers {width} wide"


_COGVIEW4_LAST = 27
# How wide the MLP begins where the attention is that of two models.
_BY_HIDDEN = {12288: ["cogvideox-5b"], 16384: ["mochi"]}
_CROSS = r"transformer_blocks_\d+_attn2_to_[kv]$"
_COSMOS_TEXT = 1024
_DIT_WIDTHS = {
    2048: ["ltx-video"],
    # Without its sound LTX-2 has every shape of LTX-Video 13B.
    4096: ["ltx-video-13b", "ltx2"],
    2240: ["sana"],
    1152: ["pixart"],
    2560: ["cogview4"],
    1920: ["cogvideox-2b"],
    3072: ["cogvideox-5b", "mochi"],
    2304: ["allegro"],
    1536: ["stable-audio"],
}
_DIT_COSMOS = {
    2048: ["cosmos-predict2-2b"], 4096: ["cosmos-7b"], 5120: ["cosmos-predict2-14b"],
}  # fmt: skip


def dit(facts: Facts) -> Guess:
    if not facts.has(r"^transformer_blocks_\d+_(attn[12]|attn|ff)_"):
        return [], ""
    width = facts.width(r"(attn1|attn|attn2)_to_q$") or facts.width(r"(attn1|attn)_to_[kv]$")
    why = f"transformer blocks {width} wide"
    if facts.has(r"^transformer_blocks_\d+_attn_"):
        return joint_by_width(facts, width), why
    text = facts.width(_CROSS)
    if text == _COSMOS_TEXT and width in _DIT_COSMOS:
        return _DIT_COSMOS[width], f"{why}, for text {text} wide"
    names = _DIT_WIDTHS.get(width or 0, [])
    if width == FLUX_WIDTH and facts.has(r"add_[qkv]_proj"):
        return ["mochi"], why
    if text is None and width in _DIT_COSMOS and not facts.has(r"_attn2_to_out"):
        # Nothing tells how wide the text is.
        names = [*names, *_DIT_COSMOS[width]]
    last = facts.last(r"^transformer_blocks_(\d+)_")
    if names == ["cogview4"] and last != _COGVIEW4_LAST:
        names = ["glm-image", "cogview3"] if last > _COGVIEW4_LAST else [*names, "glm-image"]
    hidden = facts.width(r"_ff_net_0_proj$", out=True)
    return (_BY_HIDDEN.get(hidden or 0, names) if width == FLUX_WIDTH else names), why
