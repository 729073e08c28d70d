"""Which programs can load an adapter as it is, and why others can't.

Told from the layout, the method and the family; no program is asked. "partly" means that something
is left out or needs a step first, and `why` says what.
"""

from collections.abc import Callable
from dataclasses import dataclass

from lorahub.adapters.summary import Summary


@dataclass(frozen=True, slots=True)
class Tool:
    """`loads` is "yes", "no" or "partly"; `why` is a sentence, empty for a plain yes."""

    name: str
    loads: str
    why: str = ""


Answer = tuple[str, str]
_YES: Answer = ("yes", "")

LANGUAGE_FAMILIES = frozenset(
    {
        "llama", "mistral", "mixtral", "qwen", "gemma", "phi3", "deepseek", "gpt2", "gpt-neox",
        "bloom", "falcon", "chatglm", "t5", "roberta", "bert", "distilbert", "vit", "mpt", "mamba",
        "whisper", "bart", "opt", "clip-vision",
    }
)  # fmt: skip
_SD_FAMILIES = frozenset({"sd1", "sd2", "sdxl", "sdxl-refiner"})
_FORGE_FAMILIES = frozenset({"flux1", "sd3", "sd3.5-medium", "sd3.5-large", "chroma"})
# Families whose diffusers names ComfyUI maps (or shares).
_COMFY_TRANSFORMERS = frozenset(
    {
        "sd3", "sd3.5-medium", "sd3.5-large", "flux1", "auraflow", "pixart", "mochi", "hidream",
        "hunyuan-video", "qwen-image", "qwen-image-edit", "ltx-video", "ltx-video-13b", "ltx2",
        "z-image",
    }
)  # fmt: skip
_COMFY_METHODS = frozenset(
    {"lora", "locon", "dora", "loha", "lokr", "glora", "oft", "boft", "full", "norm"}
)
_DIFFUSERS_FAMILIES = frozenset(
    {
        "sd1", "sd2", "sdxl", "sd3", "sd3.5-medium", "sd3.5-large", "flux1", "chroma", "flux2",
        "flux2-klein-4b", "flux2-klein-9b", "auraflow", "hunyuan-video", "wan", "wan-14b",
        "wan-1.3b", "wan-5b", "ltx-video", "ltx-video-13b", "ltx2", "sana", "cogvideox-2b",
        "cogvideox-5b", "cogview4", "mochi", "lumina2", "kandinsky5", "hidream", "qwen-image",
        "krea2", "z-image", "anima", "ideogram4", "ernie-image", "shapes", "kolors", "flux3",
        "qwen-image-edit", "qwen-image-2.1", "bria", "bria-fibo", "bria-fibo-2", "chronoedit",
        "skyreels-v2", "sana-video", "prx", "ace-step", "minimax-h3", "cosmos-predict2-2b",
        "cosmos-predict2-14b",
    }
)  # fmt: skip
# Families with a converter in diffusers from the names of the original code.
_DIFFUSERS_CONVERTS = frozenset(
    {
        "flux1", "hunyuan-video", "wan", "wan-14b", "wan-1.3b", "wan-5b", "lumina2", "hidream",
        "ltx-video", "ltx-video-13b", "ltx2", "qwen-image", "flux2", "flux2-klein-4b",
        "flux2-klein-9b", "z-image", "ideogram4", "krea2", "anima", "qwen-image-edit",
    }
)  # fmt: skip
_IMAGES = "It is made for image models."
_TEXT = "It is made for language models."
_VLLM_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)


def loaders(summary: Summary) -> list[Tool]:
    """What ComfyUI, A1111/Forge, diffusers, PEFT and vLLM make of an adapter."""
    return [Tool(name, *answer(summary)) for name, answer in _TOOLS]


def _is_language(summary: Summary) -> bool:
    known = [summary.family] if summary.family else summary.family_candidates
    if known:
        return any(name in LANGUAGE_FAMILIES for name in known)
    return summary.layout == "peft" and summary.components == ["model"]


def _first(*rules: tuple[bool, str, str]) -> Answer:
    """The answer of the first rule that holds; without one, a plain yes."""
    return next(((loads, why) for holds, loads, why in rules if holds), _YES)


_IN_PROMPT = "Put it into the folder `embeddings` and name it in the prompt."


def _comfyui(summary: Summary) -> Answer:
    parts, family = summary.components, summary.family
    diffusers = summary.layout == "diffusers"
    text = any(name.startswith("text_encoder") for name in parts)
    return _first(
        (_is_language(summary), "no", _TEXT),
        (family == "shapes", "no", "It can't run the base of the demo."),
        (summary.layout == "embedding", "yes", _IN_PROMPT),
        (summary.layout == "peft", "no", "It does not know PEFT's names. Convert it to kohya's."),
        (summary.method not in _COMFY_METHODS, "no", _unknown(summary)),
        (
            diffusers and "unet" in parts,
            "partly" if text else "no",
            "It skips the names that diffusers gives a U-Net. Convert it to kohya's.",
        ),
        (
            diffusers and "transformer" in parts and family not in _COMFY_TRANSFORMERS,
            "partly",
            "It knows the names of diffusers for some models only.",
        ),
        (
            summary.layout == "unknown",
            "no",
            "It does not know these names.",
        ),
    )


def _webui(summary: Summary) -> Answer:
    family = summary.family
    return _first(
        (_is_language(summary), "no", _TEXT),
        (summary.layout == "embedding", "yes", _IN_PROMPT),
        (
            summary.layout not in ("kohya", "lycoris", "diffusers-legacy"),
            "no",
            f"It does not read the names of the layout {summary.layout}. Convert it to kohya's.",
        ),
        (
            family in _FORGE_FAMILIES,
            "partly",
            "Forge loads it; A1111 knows Stable Diffusion 1, 2, XL and 3 only.",
        ),
        (family is not None and family not in _SD_FAMILIES, "no", f"It can't run {family}."),
        (summary.method not in _COMFY_METHODS | {"ia3"}, "no", _unknown(summary)),
    )


def _diffusers(summary: Summary) -> Answer:
    family, layout = summary.family, summary.layout
    kohya = layout in ("kohya", "lycoris")
    original = kohya or layout in ("comfyui", "original", "xlabs")
    converts = _DIFFUSERS_CONVERTS | {"sd1", "sd2", "sdxl", "shapes"}
    return _first(
        (_is_language(summary), "no", _TEXT),
        (layout == "embedding", "yes", "Load it with load_textual_inversion."),
        (
            layout == "peft" and "transformer" in summary.components and family == "flux1",
            "yes",
            "It converts these names (they are those of fal's trainer).",
        ),
        (layout == "peft", "no", "It skips names that begin with base_model.model., silently."),
        (
            summary.method not in ("lora", "locon", "dora"),
            "no",
            f"It takes LoRA only, not {summary.method}.",
        ),
        ("tucker" in summary.traits, "no", "It does not read lora_mid (Tucker convolutions)."),
        (
            family is not None and family not in _DIFFUSERS_FAMILIES,
            "no",
            f"It has no loader for {family}.",
        ),
        (
            summary.method == "dora" and kohya,
            "partly",
            "It drops the magnitudes of DoRA (dora_scale), so pictures differ.",
        ),
        (layout == "unknown", "no", "It does not know these names."),
        (original and family not in converts, "no", "It has no converter for these names."),
        (
            original and family == "flux1" and "whole_tensors" in summary.traits,
            "partly",
            "Its converter leaves out what is no LoRA.",
        ),
        (
            kohya and "textual_inversion" in summary.traits,
            "partly",
            "It can't convert a file with token vectors in it; split them off.",
        ),
        (
            layout == "diffusers" and summary.alpha is None,
            "yes",
            "The file holds no alpha, so its strength is taken as 1.",
        ),
    )


def _peft(summary: Summary) -> Answer:
    return _first(
        (summary.layout == "peft", "yes", "It needs adapter_config.json beside the weights."),
        (
            summary.layout == "unknown" and summary.method == "lora",
            "partly",
            "The names must begin with base_model.model., and a configuration is needed.",
        ),
        (True, "no", "It reads its own layout only."),
    )


def _vllm(summary: Summary) -> Answer:
    traits = set(summary.traits)
    most = summary.ranks[1] if summary.ranks else 0
    needed = next((rank for rank in _VLLM_RANKS if rank >= most), 0)
    whole = {"modules_to_save", "whole_tensors", "embeddings"}
    return _first(
        (not _is_language(summary), "no", _IMAGES),
        (summary.layout != "peft", "no", "It reads PEFT's layout only."),
        (summary.method != "lora", "no", f"It takes LoRA only, not {summary.method}."),
        (bool(traits & whole), "no", "It takes no modules that are trained whole, or embeddings."),
        (bool(traits & {"bias", "lora_bias"}), "no", "It takes no bias."),
        (needed == 0, "no", f"Its largest rank is {_VLLM_RANKS[-1]}; this one has {most}."),
        (True, "yes", f"Start it with --enable-lora --max-lora-rank {needed}."),
    )


def _unknown(summary: Summary) -> str:
    return f"It does not know the method {summary.method}."


_TOOLS: tuple[tuple[str, Callable[[Summary], Answer]], ...] = (
    ("ComfyUI", _comfyui),
    ("A1111/Forge", _webui),
    ("diffusers", _diffusers),
    ("PEFT", _peft),
    ("vLLM", _vllm),
)
