"""Lines to copy: how to fetch an adapter and use it, in the tools that its family is used in."""

import json
import shlex
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote

from lorahub_server.library import strength
from lorahub_server.library.card import is_model_id
from lorahub_server.library.conflict import declared_families, same_line
from lorahub_server.library.model import AdapterDetails, RepoDetails

DEFAULT_URL = "http://127.0.0.1:8000"
# A base model of each family that diffusers loads, where the card names none that fits.
_PIPELINES = {
    "sd1": "stable-diffusion-v1-5/stable-diffusion-v1-5",
    # The folder of this project's demo.
    "shapes": "demo/base",
    "sd2": "stabilityai/stable-diffusion-2-1",
    "sdxl": "stabilityai/stable-diffusion-xl-base-1.0",
    "sdxl-refiner": "stabilityai/stable-diffusion-xl-refiner-1.0",
    "sd3": "stabilityai/stable-diffusion-3-medium-diffusers",
    "sd3.5-medium": "stabilityai/stable-diffusion-3.5-medium",
    "sd3.5-large": "stabilityai/stable-diffusion-3.5-large",
    "flux1": "black-forest-labs/FLUX.1-dev",
    "flux2": "black-forest-labs/FLUX.2-dev",
    "flux2-klein-4b": "black-forest-labs/FLUX.2-klein-4B",
    "flux2-klein-9b": "black-forest-labs/FLUX.2-klein-9B",
    "chroma": "lodestones/Chroma1-HD",
    "qwen-image": "Qwen/Qwen-Image",
    "z-image": "Tongyi-MAI/Z-Image-Turbo",
    "hidream": "HiDream-ai/HiDream-I1-Full",
    "lumina2": "Alpha-VLLM/Lumina-Image-2.0",
    "auraflow": "fal/AuraFlow-v0.3",
    "sana": "Efficient-Large-Model/Sana_1600M_1024px_diffusers",
    "cogview4": "zai-org/CogView4-6B",
    "cogvideox-2b": "zai-org/CogVideoX-2b",
    "cogvideox-5b": "zai-org/CogVideoX-5b",
    "mochi": "genmo/mochi-1-preview",
    "wan": "Wan-AI/Wan2.1-T2V-14B-Diffusers",
    "wan-14b": "Wan-AI/Wan2.1-T2V-14B-Diffusers",
    "wan-1.3b": "Wan-AI/Wan2.1-T2V-1.3B-Diffusers",
    "wan-5b": "Wan-AI/Wan2.2-TI2V-5B-Diffusers",
    "hunyuan-video": "hunyuanvideo-community/HunyuanVideo",
    "ltx-video": "Lightricks/LTX-Video",
    "kolors": "Kwai-Kolors/Kolors-diffusers",
    "qwen-image-edit": "Qwen/Qwen-Image-Edit",
    "ltx-video-13b": "Lightricks/LTX-Video-0.9.7-dev",
}
# Families whose adapters ComfyUI and the like load, next to those above.
_PICTURES = frozenset(
    {
        "anima", "animatediff", "ernie-image", "hunyuan-image", "ideogram4", "kandinsky5", "krea2",
        "ltx2", "pixart", "omnigen2", "cosmos-predict2-2b", "cosmos-predict2-14b", "bria-fibo",
        "longcat-image", "flux3", "qwen-image-2.1", "skyreels-v2", "svd",
    }
)  # fmt: skip
_PULL = "Checked against the hub's SHA-256, into a folder of the repository's name."
_COMFYUI = "Goes to models/loras; the node Load LoRA lists it as {name}.safetensors."
_A1111_NOTE = "Goes to models/Lora; write {tag} in the prompt."
_A1111 = frozenset({"sd1", "sd2", "sdxl"})
_FORGE = _A1111 | {"flux1", "chroma", "sd3", "sd3.5-medium", "sd3.5-large"}
_MODELS = {
    "CAUSAL_LM": "AutoModelForCausalLM",
    "SEQ_2_SEQ_LM": "AutoModelForSeq2SeqLM",
    "SEQ_CLS": "AutoModelForSequenceClassification",
    "TOKEN_CLS": "AutoModelForTokenClassification",
    "QUESTION_ANS": "AutoModelForQuestionAnswering",
    "FEATURE_EXTRACTION": "AutoModel",
}
_CLASSES_OF_FAMILY = {
    "bert": "AutoModel",
    "roberta": "AutoModel",
    "distilbert": "AutoModel",
    "vit": "AutoModelForImageClassification",
    "t5": "AutoModelForSeq2SeqLM",
    "bart": "AutoModelForSeq2SeqLM",
    "whisper": "AutoModelForSpeechSeq2Seq",
}


@dataclass(frozen=True, slots=True)
class Snippet:
    """`language` is bash, python or text; `note` says what comes of it."""

    id: str
    label: str
    language: str
    code: str
    note: str = ""


def snippets(
    details: RepoDetails, base_url: str = DEFAULT_URL, adapter: AdapterDetails | None = None
) -> list[Snippet]:
    """Return the lines for a repository, the likeliest first; none while it is empty.

    `adapter`: the one of a pack that they are about, if not the first.
    """
    if details.repo.revision is None:
        return []
    item = adapter or details.primary
    address = _address(details, base_url)
    if item is None:
        return [_pull(address, None)]
    family, name = item.family or "", _name(details, item)
    if family == "shapes":
        found = [_diffusers(details, item, address)]
    elif family in _PIPELINES or family in _PICTURES:
        found = [_pull(address, "comfyui", "ComfyUI", _COMFYUI.format(name=name))]
        note = _A1111_NOTE.format(tag=prompt_tag(details, item) or name)
        found += [_pull(address, "a1111", "A1111", note)] if family in _A1111 else []
        found += [_pull(address, "forge", "Forge", note)] if family in _FORGE else []
        found += [_prompt(details, item)] if family in _FORGE else []
        found += [_diffusers(details, item, address)] if family in _PIPELINES else []
    elif item.layout == "peft":
        found = [_peft(details, item, address)]
        found += [_vllm(details, item, address)] if _model_class(item) == _CAUSAL else []
    else:
        found = []
    return [_pull(address, None, note=_PULL), *found, _curl(details, item, base_url)]


def prompt_tag(details: RepoDetails, item: AdapterDetails) -> str | None:
    """Return what prompts call the adapter by, at the card's strength: `<lora:name:0.8>`.

    None for families whose tools have no such words.
    """
    if item.family not in _FORGE:
        return None
    found = strength.of(details.card.front)
    return (
        f"<lora:{_name(details, item)}:{strength.number(found.best if found else strength.USUAL)}>"
    )


def words_of(details: RepoDetails, item: AdapterDetails | None) -> list[str]:
    """Return the trigger words of an adapter: those of a pack's member are its own."""
    if item is not None and item is not details.primary:
        return [word for word in item.summary.get("trigger_words") or [] if isinstance(word, str)]
    return details.repo.trigger_words


def adapter_name(repo_name: str, path: str, *, alone: bool) -> str:
    """Return what `lorahub pull --to TOOL` calls an adapter; tools know it by that name."""
    stem = PurePosixPath(path).with_suffix("").as_posix().replace("/", "-")
    if alone:
        return repo_name
    return stem if stem.casefold().startswith(repo_name.casefold()) else f"{repo_name}-{stem}"


def example_base(family: str | None) -> str | None:
    """Return a base model of the family that diffusers loads."""
    return _PIPELINES.get(family or "")


def base_for(details: RepoDetails, item: AdapterDetails) -> str | None:
    """Return the base model to load: the card's or the configuration's if it fits the weights."""
    family = item.family or ""
    for name in (details.repo.base_model, item.summary.get("base_model_hint")):
        if not isinstance(name, str) or not is_model_id(name):
            continue
        families = declared_families([name])
        if not families or not family or any(same_line(one, family) for one in families):
            return name
    return _PIPELINES.get(family)


_CAUSAL = "AutoModelForCausalLM"


def _address(details: RepoDetails, base_url: str) -> str:
    """Return what the client is told: the name, or the page's address on another hub than its own
    default.
    """
    name = details.repo.full_name
    base = base_url.rstrip("/")
    return name if base == DEFAULT_URL else f"{base}/{name}"


def _name(details: RepoDetails, item: AdapterDetails) -> str:
    return adapter_name(details.repo.name, item.path, alone=len(details.adapters) == 1)


def _pull(address: str, tool: str | None, label: str = "lorahub", note: str = "") -> Snippet:
    to = f" --to {tool}" if tool else ""
    code = f"lorahub pull {shlex.quote(address)}{to}"
    return Snippet(tool or "lorahub", label, "bash", code, note)


def _prompt(details: RepoDetails, item: AdapterDetails) -> Snippet:
    words = ", ".join(words_of(details, item)[:3])
    code = (prompt_tag(details, item) or "") + (f" {words}" if words else "")
    return Snippet("prompt", "Prompt", "text", code)


def _diffusers(details: RepoDetails, item: AdapterDetails, address: str) -> Snippet:
    words = ", ".join(words_of(details, item)[:3]) or "a photo of a lighthouse at dusk"
    found = strength.of(details.card.front)
    name, line = "", ""
    if found is not None:
        name = ', adapter_name="it"'
        line = f'\npipe.set_adapters("it", {strength.number(found.best)})'
    code = f"""\
import lorahub
import torch
from diffusers import DiffusionPipeline

base = {_py(base_for(details, item) or "BASE-MODEL")}
pipe = DiffusionPipeline.from_pretrained(base, torch_dtype=torch.bfloat16).to("cuda")
adapter = lorahub.pull({_py(address)})
pipe.load_lora_weights(str(adapter.place), weight_name={_py(item.path)}{name}){line}
result = pipe({_py(words)})
"""
    return Snippet("diffusers", "diffusers", "python", code)


def _peft(details: RepoDetails, item: AdapterDetails, address: str) -> Snippet:
    model = _model_class(item)
    folder = item.path.rpartition("/")[0]
    place = f"adapter.place / {_py(folder)}" if folder else "adapter.place"
    code = f"""\
import lorahub
from peft import PeftModel
from transformers import {model}

base = {model}.from_pretrained({_py(base_for(details, item) or "BASE-MODEL")})
adapter = lorahub.pull({_py(address)})
model = PeftModel.from_pretrained(base, {place})
"""
    return Snippet("peft", "PEFT", "python", code)


def _vllm(details: RepoDetails, item: AdapterDetails, address: str) -> Snippet:
    name = details.repo.name
    folder = item.path.rpartition("/")[0]
    module = shlex.quote(f"{name}=./{name}/{folder}".rstrip("/"))
    rank = f" --max-lora-rank {_vllm_rank(item.rank)}" if item.rank else ""
    base = shlex.quote(base_for(details, item) or "BASE-MODEL")
    code = (
        f"lorahub pull {shlex.quote(address)}\n"
        f"vllm serve {base} --enable-lora{rank} --lora-modules {module}"
    )
    return Snippet("vllm", "vLLM", "bash", code)


def _vllm_rank(rank: int) -> int:
    return next((size for size in (8, 16, 32, 64, 128, 256, 320) if size >= rank), 512)


def _curl(details: RepoDetails, item: AdapterDetails, base_url: str) -> Snippet:
    repo = details.repo
    branch, path = quote(repo.default_branch, safe=""), quote(item.path, safe="/")
    url = f"{base_url.rstrip('/')}/{repo.full_name}/resolve/{branch}/{path}"
    who = ' -H "Authorization: Bearer $LORAHUB_TOKEN"' if repo.private else ""
    code = f"curl -fL{who} -o {shlex.quote(item.name)} {shlex.quote(url)}"
    if item.name.startswith("-"):
        code = code.replace(f"-o {shlex.quote(item.name)}", f"-o {shlex.quote('./' + item.name)}")
    return Snippet("curl", "curl", "bash", code)


def _model_class(item: AdapterDetails) -> str:
    task = item.summary.get("task_type")
    if isinstance(task, str) and task in _MODELS:
        return _MODELS[task]
    return _CLASSES_OF_FAMILY.get(item.family or "", _CAUSAL)


def _py(text: str) -> str:
    """Return the text as a Python string; JSON's is one."""
    return json.dumps(text, ensure_ascii=False)
