"""Which base-model architecture an adapter fits, from names and shapes, then from metadata.

Structure cannot be forged by renaming a file, so it wins; metadata and the PEFT configuration only
choose among what the structure leaves open. Families that share every shape stay a list.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from lorahub.adapters import language
from lorahub.adapters.layouts import Layout, Module

_FLUX_WIDTH = 3072
_BASE_FIELD = "adapter_config.json base_model_name_or_path"
_LLAMA_LIKE = frozenset({"llama", "mistral", "qwen", "gemma"})
_MOST_NAMED = 4


class Candidate(NamedTuple):
    name: str
    confidence: str
    evidence: list[str]


@dataclass(slots=True)
class Family:
    """`name` is None when nothing is known; `confidence` is "high" (structure alone), "medium"
    (structure and metadata together, or the dimensions of a language model) or "low" (metadata
    alone, or several candidates). Evidence that ends in "disagrees" speaks against it.
    """

    name: str | None = None
    confidence: str = "low"
    candidates: list[str] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)

    def ranked(self) -> list[Candidate]:
        """Every candidate with its own confidence, the likeliest first."""
        names = [self.name, *(name for name in self.candidates if name != self.name)]
        return [
            Candidate(name, self.confidence if at == 0 else "low", list(self.evidence))
            for at, name in enumerate(names)
            if name is not None
        ]


class _Facts:
    """The modules, asked by pattern: widths of the first match, largest block index."""

    def __init__(self, modules: Iterable[Module]) -> None:
        self.modules = list(modules)
        self.flat = [(module.flat, module) for module in self.modules]

    def has(self, pattern: str) -> bool:
        search = re.compile(pattern).search
        return any(search(flat) for flat, _ in self.flat)

    def width(self, pattern: str, *, out: bool = False) -> int | None:
        search = re.compile(pattern).search
        for flat, module in self.flat:
            if search(flat):
                width = module.width_out if out else module.width_in
                if width:
                    return width
        return None

    def last(self, pattern: str) -> int:
        search = re.compile(pattern).search
        found = [int(match[1]) for flat, _ in self.flat if (match := search(flat))]
        return max(found, default=-1)


Guess = tuple[list[str], str]


def detect(layout: Layout, metadata: Mapping[str, str], config: Mapping[str, object]) -> Family:
    structure, why = _structure(layout)
    hints = _hints(metadata, config)
    base = config.get("base_model_name_or_path")
    known, last = _dimensions(layout)
    models = language.fitting(known, last) if set(structure) & _LLAMA_LIKE else []
    fitting = list(dict.fromkeys(model.family for model in models))
    structure = [*fitting, *(name for name in structure if name not in fitting)]
    family = Family(candidates=structure, evidence=[why] if why else [])
    if models:
        names = ", ".join(model.name for model in models[:_MOST_NAMED])
        family.evidence.append(f"dimensions as those of {names}")
    other = language.contradicts(base, known, last) if isinstance(base, str) and known else None
    if other is not None:
        family.evidence.append(f"{_BASE_FIELD} ({other.name} has other dimensions) disagrees")
    for source, hinted in hints:
        if hinted in structure and len(structure) > 1:
            family.evidence.append(source)
            family.name, family.confidence = hinted, "medium"
            return family
    if structure:
        family.name = structure[0]
        family.confidence = "high" if len(structure) == 1 else "low"
        if len(fitting) == 1:
            family.confidence = "medium"
        for source, hinted in hints:
            agrees = any(_same_line(hinted, name) for name in structure)
            family.evidence.append(source if agrees else f"{source} disagrees")
    elif hints:
        source, family.name = hints[0]
        family.candidates = [family.name]
        family.evidence.append(source)
    return family


def _dimensions(layout: Layout) -> tuple[dict[str, int], int]:
    """What the projections of a language model tell of its dimensions, and its last block."""
    facts = _Facts(layout.modules.values())
    asked = (
        ("hidden", r"(^|_)(q_proj|k_proj|v_proj|gate_proj|up_proj)$", False),
        ("hidden", r"(^|_)(o_proj|down_proj)$", True),
        ("q", r"_q_proj$", True),
        ("q", r"self_attn_o_proj$", False),
        ("kv", r"_(k|v)_proj$", True),
        ("ffn", r"_(gate|up)_proj$", True),
        ("ffn", r"_down_proj$", False),
    )
    known: dict[str, int] = {}
    for name, pattern, out in asked:
        width = facts.width(pattern, out=out)
        if width and name not in known:
            known[name] = width
    return known, facts.last(r"layers_(\d+)_")


def _same_line(one: str, other: str) -> bool:
    """Whether one family is the other or a size of it: "wan" and "wan-14b"."""
    return one.startswith(other) or other.startswith(one)


def _structure(layout: Layout) -> Guess:
    if layout.name == "embedding":
        return _embedding(layout)
    if any(module.component == "prior" for module in layout.modules.values()):
        return ["stable-cascade"], "modules of the prior"
    facts = _Facts(
        module
        for module in layout.modules.values()
        if not module.component.startswith("text_encoder")
    )
    if facts.modules:
        for rule in (_unet, _named, _double_single, _joint, _wan, _layers, _dit, _language):
            guess = rule(facts)
            if guess[0]:
                return guess
        return [], ""
    return _text_encoder(_Facts(layout.modules.values()), layout)


def _embedding(layout: Layout) -> Guess:
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


_UNET_WIDTHS = {768: ["sd1"], 1024: ["sd2"], 2048: ["sdxl"], 1280: ["sdxl-refiner"]}
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


def _unet(facts: _Facts) -> Guess:
    if facts.has(r"motion_modules"):
        return ["animatediff"], "motion modules"
    if not facts.has(_UNET):
        return [], ""
    width = facts.width(r"attn2_(processor_)?to_[kv]")
    if width:
        return _UNET_WIDTHS.get(width, []), f"cross-attention takes {width} features"
    for pattern, names, why in _UNET_MARKS:
        if facts.has(pattern):
            return names, why
    return ["sd1", "sdxl", "sd2"], "U-Net block names"


def _named(facts: _Facts) -> Guess:
    """Families with a module name that no other has."""
    for pattern, name in (
        (r"audio_attn1|audio_to_video_attn", "ltx2"),
        (r"^joint_transformer_blocks_", "auraflow"),
        (r"double_stream_blocks_", "hidream"),
        (r"attn_to_gate$|text_?fusion", "krea2"),
        (r"transformer_blocks_\d+_(img_mlp|txt_mlp|img_mod|txt_mod)", "qwen-image"),
        (r"distilled_guidance_layer", "chroma"),
        (r"individual_token_refiner|context_embedder_token_refiner", "hunyuan-video"),
        (r"layers_\d+_self_attention_to_q", "ernie-image"),
        (r"visual_transformer_blocks_", "kandinsky5"),
        (r"llm_adapter_|blocks_\d+_self_attn_[qkv]_proj$(?<!layers)", "anima"),
    ):
        if facts.has(pattern) and not (name == "anima" and facts.has(r"layers_\d+_self_attn")):
            return [name], f"modules named like {name}'s"
    return [], ""


_FLUX2_WIDTHS = {3072: "flux2-klein-4b", 4096: "flux2-klein-9b", 6144: "flux2"}
_FLUX2_LINEAR1_ROWS = (27648, 36864, 55296)
_HUNYUAN_IMAGE_WIDTH = 3584
_FLUX_LAST_DOUBLE_BLOCK, _FLUX_LAST_SINGLE_BLOCK = 18, 37
_KLEIN_LAST = (4, 19)
_HUNYUAN_LAST_DOUBLE_BLOCK = 19


def _double_single(facts: _Facts) -> Guess:
    if not facts.has(r"^(double_blocks|single_blocks|single_transformer_blocks)_"):
        return [], ""
    width = facts.width(
        r"(img_attn_qkv|txt_attn_qkv|linear1|attn_to_[qkv]|qkv_lora\d?|attn_proj|mlp_0|mod_lin)$"
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
    if width == _HUNYUAN_IMAGE_WIDTH:
        names = ["hunyuan-image"]
    elif second or (width in _FLUX2_WIDTHS and width != _FLUX_WIDTH):
        names = [_FLUX2_WIDTHS.get(width or 0, "flux2")]
    elif hunyuan:
        names = ["hunyuan-video"]
    elif facts.has(r"mod_lin|modulation_lin|norm1?_linear$"):
        names = ["flux1"]
    return names, f"double and single stream blocks, {width} wide"


def _joint(facts: _Facts) -> Guess:
    if facts.has(r"^joint_blocks_") or (
        facts.has(r"^transformer_blocks_\d+_attn_") and facts.has(r"add_[qkv]_proj|to_add_out")
    ):
        width = facts.width(r"(attn_qkv|attn_to_[qkv]|attn2_to_q|add_[qkv]_proj)$")
        why = f"joint attention blocks, {width} wide"
        if facts.has(r"attn2_"):
            return ["sd3.5-medium"], why
        return _joint_by_width(facts, width), why
    return [], ""


def _joint_by_width(facts: _Facts, width: int | None) -> list[str]:
    if width == _FLUX_WIDTH:
        last = facts.last(r"^transformer_blocks_(\d+)_")
        if last > _HUNYUAN_LAST_DOUBLE_BLOCK:
            return ["qwen-image"]
        if last > _FLUX_LAST_DOUBLE_BLOCK:
            return ["hunyuan-video", "qwen-image"]
        klein = ["flux2-klein-4b"] if last <= _KLEIN_LAST[0] else []
        return ["flux1", "chroma", "qwen-image", "hunyuan-video", *klein]
    by_width = {
        1536: ["sd3", "sd3.5-medium"],
        2432: ["sd3.5-large"],
        4096: ["flux2-klein-9b"],
        6144: ["flux2", "krea2"],
    }
    return by_width.get(width or 0, [])


def _wan(facts: _Facts) -> Guess:
    if not facts.has(r"^(_?blocks)_\d+_(self_attn|cross_attn|attn1|attn2|ffn)_"):
        return [], ""
    width = facts.width(
        r"(self_attn_[qkvo]|cross_attn_[qo]|cross_attn_[kv]_img|attn[12]_to_q|ffn_0|ffn_net_0_proj)$"
    )
    why = f"blocks with self- and cross-attention, {width} wide"
    by_width = {5120: ["wan-14b"], 1536: ["wan-1.3b"], 3072: ["wan-5b"]}
    return by_width.get(width or 0, ["wan"]), why


def _layers(facts: _Facts) -> Guess:
    if not facts.has(r"^(layers|noise_refiner|context_refiner)_\d+_(attention|attn|feed_forward)"):
        return [], ""
    width = facts.width(r"(attention|attn)_(qkv|to_q|to_k|to_v|out|to_out_0)$") or facts.width(
        r"feed_forward_w[13]$"
    )
    why = f"attention layers {width} wide"
    return {3840: ["z-image"], 2304: ["lumina2"], 4608: ["ideogram4"]}.get(width or 0, []), why


def _dit(facts: _Facts) -> Guess:
    if not facts.has(r"^transformer_blocks_\d+_(attn1|attn)_"):
        return [], ""
    width = facts.width(r"(attn1|attn)_to_[qkv]$")
    why = f"transformer blocks {width} wide"
    if facts.has(r"^transformer_blocks_\d+_attn_"):
        return _joint_by_width(facts, width), why
    by_width = {
        2048: ["ltx-video"],
        4096: ["ltx-video-13b"],
        2240: ["sana"],
        1152: ["pixart"],
        2560: ["cogview4"],
        1920: ["cogvideox-2b"],
        3072: ["cogvideox-5b", "mochi"],
    }
    if width == _FLUX_WIDTH and facts.has(r"add_[qkv]_proj"):
        return ["mochi"], why
    return by_width.get(width or 0, []), why


_LANGUAGE_MODULES: tuple[tuple[str, list[str]], ...] = (
    (r"vision_model_encoder_layers", ["clip-vision"]),
    (r"(encoder|decoder)_layers_\d+_(self_attn|encoder_attn|fc[12]).*", ["whisper", "bart", "opt"]),
    (r"block_sparse_moe_experts", ["mixtral"]),
    (r"mlp_experts_\d+_(gate|up|down)_proj", ["qwen", "deepseek"]),
    (r"kv_a_proj_with_mqa|q_a_proj", ["deepseek"]),
    (r"layers_\d+_self_attn_qkv_proj|gate_up_proj", ["phi3"]),
    (r"layers_\d+_self_attn_[qkvo]_proj", ["llama", "mistral", "qwen", "gemma"]),
    (r"layers_\d+_mlp_(gate|up|down)_proj", ["llama", "mistral", "qwen", "gemma"]),
    (r"(^|_)h_\d+_(attn_c_attn|attn_c_proj|mlp_c_fc|mlp_c_proj)", ["gpt2"]),
    (r"gpt_neox|layers_\d+_attention_query_key_value", ["gpt-neox"]),
    (r"(^|_)h_\d+_self_attention_query_key_value", ["bloom", "falcon"]),
    (r"self_attention_query_key_value", ["chatglm"]),
    (r"SelfAttention_[qkvo]$|DenseReluDense|EncDecAttention", ["t5"]),
    (r"roberta_encoder_layer", ["roberta"]),
    (r"(^|_)bert_encoder_layer", ["bert"]),
    (r"distilbert|transformer_layer_\d+_attention_[qkv]_lin", ["distilbert"]),
    (r"vit_encoder_layer", ["vit"]),
    (r"encoder_layer_\d+_attention_(self|output)", ["bert", "roberta"]),
    (r"blocks_\d+_(attn_Wqkv|ffn_up_proj)", ["mpt"]),
    (r"layers_\d+_mixer_(in_proj|x_proj|dt_proj)", ["mamba"]),
)


def _language(facts: _Facts) -> Guess:
    """Language models: the vocabulary of module names tells the group, not the exact model."""
    for pattern, names in _LANGUAGE_MODULES:
        if facts.has(pattern):
            width = facts.width(r"(q_proj|c_attn|query|SelfAttention_q|qkv_proj|gate_proj)$")
            wide = f", hidden width {width}" if width else ""
            return names, f"modules named like {names[0]}'s{wide}"
    return [], ""


def _text_encoder(facts: _Facts, layout: Layout) -> Guess:
    if any(module.component == "text_encoder_2" for module in layout.modules.values()):
        return ["sdxl"], "two text encoders"
    if facts.has(r"SelfAttention_[qkvo]$|DenseReluDense"):
        return ["sd3", "flux1"], "a T5 text encoder"
    width = facts.width(r"self_attn_[qkv]_proj|self_attn_to_[qkv]")
    names = {768: ["sd1", "sdxl", "flux1", "sd3"], 1024: ["sd2"], 1280: ["sdxl", "sd3"]}
    return names.get(width or 0, []), f"text encoder {width} wide"


_SEPARATORS = re.compile(r"[\s_./-]+")
# First match wins, so the narrow names stand before the wide ones.
_WORDS: tuple[tuple[str, str], ...] = (
    (r"sdxl refiner", "sdxl-refiner"),
    (r"sdxl|stable diffusion xl|pony|illustrious|noobai", "sdxl"),
    (r"(sd|stable diffusion) ?v? ?3 5 large", "sd3.5-large"),
    (r"(sd|stable diffusion) ?v? ?3 5 medium", "sd3.5-medium"),
    (r"(sd|stable diffusion) ?v?3", "sd3"),
    (r"(sd|stable diffusion) ?v?2", "sd2"),
    (r"(sd|stable diffusion) ?v?1", "sd1"),
    (r"flux ?2 klein 4b", "flux2-klein-4b"),
    (r"flux ?2 klein 9b", "flux2-klein-9b"),
    (r"flux ?2", "flux2"),
    (r"flux ?1|flux", "flux1"),
    (r"chroma", "chroma"),
    (r"hunyuan image", "hunyuan-image"),
    (r"hunyuan ?video|framepack", "hunyuan-video"),
    (r"wan(?: ?\d|\b)", "wan"),
    (r"qwen image", "qwen-image"),
    (r"z ?image", "z-image"),
    (r"lumina ?2", "lumina2"),
    (r"ltx ?2", "ltx2"),
    (r"ltx", "ltx-video"),
    (r"kandinsky ?5", "kandinsky5"),
    (r"krea ?2", "krea2"),
    (r"ideogram ?4", "ideogram4"),
    (r"hidream", "hidream"),
    (r"anima\b", "anima"),
    (r"mixtral", "mixtral"),
    (r"mistral", "mistral"),
    (r"deepseek", "deepseek"),
    (r"tiny ?llama|llama|smollm|vicuna", "llama"),
    (r"qwen", "qwen"),
    (r"gemma", "gemma"),
    (r"phi ?[34]", "phi3"),
    (r"distilbert", "distilbert"),
    (r"xlm roberta|roberta", "roberta"),
    (r"bert", "bert"),
    (r"gpt ?2", "gpt2"),
    (r"pythia|gpt neox", "gpt-neox"),
    (r"bloom", "bloom"),
    (r"falcon", "falcon"),
    (r"whisper", "whisper"),
    (r"bart\b", "bart"),
    (r"opt\b", "opt"),
    (r"(flan )?t5", "t5"),
)
_WORD_PATTERNS = [(re.compile(rf"\b(?:{words})"), name) for words, name in _WORDS]


def family_of_words(text: str) -> str | None:
    """The family that a model's name or an architecture id speaks of."""
    return next(iter(families_of_words(text)), None)


def families_of_words(text: str) -> list[str]:
    """Every family that a name speaks of, the likeliest first ("DeepSeek-R1-Distill-Llama-8B").

    Of `owner/name` the owner counts only if the name speaks of none.
    """
    owner, slash, name = text[:300].partition("/")
    if owner and slash and "/" not in name and (found := families_of_words(name)):
        return found
    plain = _SEPARATORS.sub(" ", text[:300].lower())
    found = []
    taken: list[tuple[int, int]] = []
    for pattern, name in _WORD_PATTERNS:
        for match in pattern.finditer(plain):
            # A word counts once: the "flux" of "flux 2" is not FLUX.1.
            if not any(match.start() < end and start < match.end() for start, end in taken):
                found.append(name)
                taken.append(match.span())
                break
    return found


def _hints(metadata: Mapping[str, str], config: Mapping[str, object]) -> list[tuple[str, str]]:
    found = []
    for key in ("ss_base_model_version", "modelspec.architecture", "ss_base_model"):
        name = family_of_words(metadata.get(key, ""))
        if name:
            found.append((f"metadata {key}", name))
    base = config.get("base_model_name_or_path")
    name = family_of_words(base) if isinstance(base, str) else None
    if name:
        found.append((_BASE_FIELD, name))
    return found
