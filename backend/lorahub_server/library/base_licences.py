"""Licences of well-known base models, by their names on Hugging Face and by family.

From the models' own cards. What is not here is not guessed at.
"""

import re

_FLUX_DEV = "flux-1-dev-non-commercial-license"
_SD1, _SDXL, _STABILITY = "creativeml-openrail-m", "openrail++", "stabilityai-ai-community"
_APACHE, _MIT, _FAIPL = "apache-2.0", "mit", "faipl-1.0-sd"

# The first that is found in a name, in lower case, decides: the special before the general.
_NAMES = tuple(
    (re.compile(pattern), licence)
    for pattern, licence in (
        (r"flux\.?1-schnell", _APACHE),
        (r"flux\.?1-(dev|fill-dev|krea-dev|kontext-dev|canny-dev|depth-dev|redux-dev)", _FLUX_DEV),
        (r"flux\.?2-klein-4b", _APACHE),
        (r"lodestones/chroma", _APACHE),
        (r"pony-?diffusion|illustrious-?xl|noobai-?xl|animagine-xl-[34]", _FAIPL),
        (r"stable-diffusion-3|sd3\.5|sdxl-turbo|svd|stable-video-diffusion", _STABILITY),
        (r"stable-diffusion-xl|sdxl-base", _SDXL),
        (r"stable-diffusion-2", _SDXL),
        (r"stable-diffusion-v1|(^|/)stable-diffusion-1\.", _SD1),
        (r"qwen/qwen-image", _APACHE),
        (r"tongyi-mai/z-image", _APACHE),
        (r"wan-ai/wan2", _APACHE),
        (r"hidream-ai/hidream-i1", _MIT),
        (r"alpha-vllm/lumina-image-2", _APACHE),
        (r"fal/auraflow", _APACHE),
        (r"zai-org/cogview4|thudm/cogview4", _APACHE),
        (r"(zai-org|thudm)/cogvideox-2b", _APACHE),
        (r"genmo/mochi-1", _APACHE),
        (r"meta-llama/llama-4", "llama4"),
        (r"meta-llama/(meta-)?llama-3\.3", "llama3.3"),
        (r"meta-llama/(meta-)?llama-3\.2", "llama3.2"),
        (r"meta-llama/(meta-)?llama-3\.1", "llama3.1"),
        (r"meta-llama/meta-llama-3-", "llama3"),
        (r"meta-llama/llama-2", "llama2"),
        (r"google/gemma-(7b|2b|2-|3-|3n)", "gemma"),
        (r"mistralai/(mistral-7b|mixtral-8x7b|mistral-nemo)", _APACHE),
        (r"qwen/qwen2\.5-3b", "qwen-research"),
        (r"qwen/qwen2\.5-72b|qwen/qwen-(7b|14b|72b)", "tongyi-qianwen"),
        (r"qwen/qwen(2\.5|3)-", _APACHE),
        (r"microsoft/phi-(2|3|3\.5|4)", _MIT),
        (r"tinyllama/tinyllama", _APACHE),
        (r"huggingfacetb/smollm", _APACHE),
        (r"openai/whisper|openai-community/gpt2|facebookai/(xlm-)?roberta", _MIT),
        (r"google-bert/bert|google/flan-t5|google-t5/t5|google/vit-", _APACHE),
    )
)
# Only where every model that people train on has it.
_FAMILIES = {
    "sd1": _SD1,
    "sd3": _STABILITY,
    "sd3.5-medium": _STABILITY,
    "sd3.5-large": _STABILITY,
    "chroma": _APACHE,
    "qwen-image": _APACHE,
    "z-image": _APACHE,
    "wan-14b": _APACHE,
    "wan-1.3b": _APACHE,
    "wan-5b": _APACHE,
    "mochi": _APACHE,
    "auraflow": _APACHE,
}


def of_model(name: str | None) -> str | None:
    """Return the id of a base model's licence; None for one that the hub doesn't know."""
    if not name:
        return None
    folded = name.casefold()
    return next((licence for pattern, licence in _NAMES if pattern.search(folded)), None)


def of_family(family: str | None) -> str | None:
    """Return the licence that the models of a family share, if they do."""
    return _FAMILIES.get(family or "")
