"""The linear layers of diffusers' own models at their published sizes, without any weights.

`python -m support.diffusers_models` in the folder tests writes them anew to diffusers_models.json,
which the tests read, since building all of them takes minutes.
"""

import importlib
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from lorahub.adapters import Header, TensorInfo

FILE = Path(__file__).with_suffix(".json")
RANK = 16
_HIDREAM = {
    "num_attention_heads": 20, "attention_head_dim": 128, "num_layers": 16, "num_single_layers": 32,
    "caption_channels": [4096, 4096], "text_emb_dim": 2048, "num_routed_experts": 4,
    "num_activated_experts": 2, "axes_dims_rope": (64, 32, 32), "max_resolution": (128, 128),
    "patch_size": 2, "in_channels": 16, "out_channels": 16, "llama_layers": [31] * 48,
}  # fmt: skip
_LTX_13B = {
    "num_layers": 48, "num_attention_heads": 32, "attention_head_dim": 128,
    "cross_attention_dim": 4096,
}  # fmt: skip

# Our name -> (class, configuration where it is not the default).
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "ace-step": ("AceStepTransformer1DModel", {}),
    "allegro": ("AllegroTransformer3DModel", {}),
    "auraflow": ("AuraFlowTransformer2DModel", {}),
    "bria-fibo": ("BriaFiboTransformer2DModel", {}),
    "bria-fibo-2": ("BriaFibo2Transformer2DModel", {}),
    "chroma": ("ChromaTransformer2DModel", {}),
    "cogvideox-2b": ("CogVideoXTransformer3DModel", {}),
    "cogvideox-5b": ("CogVideoXTransformer3DModel", {"num_attention_heads": 48, "num_layers": 42}),
    "cogview4": ("CogView4Transformer2DModel", {"num_layers": 28, "num_attention_heads": 64}),
    "cosmos-7b": ("CosmosTransformer3DModel", {}),
    "cosmos-predict2-2b": ("CosmosTransformer3DModel", {"num_attention_heads": 16}),
    "cosmos-predict2-14b": (
        "CosmosTransformer3DModel",
        {"num_attention_heads": 40, "num_layers": 36},
    ),
    "cosmos3": ("Cosmos3OmniTransformer", {}),
    "ernie-image": ("ErnieImageTransformer2DModel", {}),
    "flux1": ("FluxTransformer2DModel", {"guidance_embeds": True}),
    "flux2": ("Flux2Transformer2DModel", {}),
    "flux2-klein-4b": (
        "Flux2Transformer2DModel",
        {"num_layers": 5, "num_single_layers": 20, "num_attention_heads": 24},
    ),
    "flux2-klein-9b": (
        "Flux2Transformer2DModel",
        {"num_layers": 8, "num_single_layers": 24, "num_attention_heads": 32},
    ),
    "flux3": ("Flux3Transformer2DModel", {}),
    "glm-image": ("GlmImageTransformer2DModel", {}),
    "hidream": ("HiDreamImageTransformer2DModel", _HIDREAM),
    "hunyuan-image": ("HunyuanImageTransformer2DModel", {}),
    "hunyuan-video": ("HunyuanVideoTransformer3DModel", {}),
    "hunyuan-video-1.5": ("HunyuanVideo15Transformer3DModel", {}),
    "ideogram4": ("Ideogram4Transformer2DModel", {}),
    "joyimage": ("JoyImageEditTransformer3DModel", {}),
    "kandinsky5": ("Kandinsky5Transformer3DModel", {}),
    "kandinsky6": ("Kandinsky6Transformer3DModel", {}),
    "krea2": ("Krea2Transformer2DModel", {}),
    "longcat-image": ("LongCatImageTransformer2DModel", {}),
    "ltx-video": ("LTXVideoTransformer3DModel", {}),
    "ltx-video-13b": ("LTXVideoTransformer3DModel", _LTX_13B),
    "ltx2": ("LTX2VideoTransformer3DModel", {}),
    "lumina2": ("Lumina2Transformer2DModel", {}),
    "minimax-h3": ("MiniMaxH3Transformer3DModel", {}),
    "mochi": ("MochiTransformer3DModel", {}),
    "nucleus-image": ("NucleusMoEImageTransformer2DModel", {}),
    "ovis-image": ("OvisImageTransformer2DModel", {}),
    "pixart": ("PixArtTransformer2DModel", {}),
    "prx": ("PRXTransformer2DModel", {}),
    "qwen-image": ("QwenImageTransformer2DModel", {}),
    "qwen-image-2.1": ("QwenImage21Transformer2DModel", {}),
    "sana": ("SanaTransformer2DModel", {}),
    "sd3": (
        "SD3Transformer2DModel",
        {"num_layers": 24, "num_attention_heads": 24, "caption_projection_dim": 1536},
    ),
    "sd3.5-large": (
        "SD3Transformer2DModel",
        {"num_layers": 38, "num_attention_heads": 38, "caption_projection_dim": 2432},
    ),
    "stable-audio": ("StableAudioDiTModel", {}),
    "wan-1.3b": (
        "WanTransformer3DModel",
        {"num_attention_heads": 12, "num_layers": 30, "ffn_dim": 8960},
    ),
    "wan-5b": (
        "WanTransformer3DModel",
        {"num_attention_heads": 24, "num_layers": 30, "ffn_dim": 14336},
    ),
    "wan-14b": ("WanTransformer3DModel", {}),
    "z-image": ("ZImageTransformer2DModel", {}),
    "svd": ("UNetSpatioTemporalConditionModel", {}),
    "modelscope": ("UNet3DConditionModel", {}),
}


def rows_of(name: str) -> list[list[Any]]:
    """[path with {n}, in, out, numbers] of every linear layer, from diffusers itself."""
    import diffusers
    import torch

    kind, options = MODELS[name]
    made: Any = getattr(diffusers, kind, None) or _hidden(kind)
    with torch.device("meta"):
        model = made(**options)
    found: dict[tuple[str, int, int], list[int]] = {}
    for path, module in model.named_modules():
        if not isinstance(module, torch.nn.Linear):
            continue
        number = re.search(r"\.(\d+)\.", path)
        key = path if number is None else f"{path[: number.start(1)]}{{n}}{path[number.end(1) :]}"
        sizes = (key, module.in_features, module.out_features)
        found.setdefault(sizes, []).append(int(number[1]) if number else -1)
    return [[*sizes, numbers] for sizes, numbers in found.items()]


def _hidden(kind: str) -> Any:
    folder = importlib.import_module("diffusers.models.transformers")
    for file in sorted(Path(folder.__path__[0]).glob("*.py")):
        if f"class {kind}(" in file.read_text():
            return getattr(importlib.import_module(f"{folder.__name__}.{file.stem}"), kind)
    raise LookupError(kind)


def layers(name: str) -> Iterator[tuple[str, int, int]]:
    """(path, in, out) as written down."""
    for key, width_in, width_out, numbers in _read()[name]:
        for number in _spread(numbers):
            yield key.replace("{n}", str(number)), width_in, width_out


def header(name: str, layout: str, keep: str = "") -> Header:
    """The header of a LoRA on the layers whose path fits the pattern `keep`."""
    tensors: dict[str, TensorInfo] = {}
    at = 0
    for path, width_in, width_out in layers(name):
        if not re.search(keep, path):
            continue
        head = f"transformer.{path}" if layout == "diffusers" else f"base_model.model.{path}"
        ends = ("lora_A.weight", "lora_B.weight")
        if layout == "kohya":
            head = f"lora_unet_{path.replace('.', '_')}"
            ends = ("lora_down.weight", "lora_up.weight")
        for end, shape in zip(ends, ((RANK, width_in), (width_out, RANK)), strict=True):
            size = 2 * shape[0] * shape[1]
            tensors[f"{head}.{end}"] = TensorInfo("F16", shape, at, at + size)
            at += size
    return Header(tensors, {}, 8, at + 8)


@lru_cache
def _read() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text())
    return found


def packed(numbers: list[int]) -> list[int] | str:
    """A run of numbers as "0-18"."""
    first, last = numbers[0], numbers[-1]
    run = len(numbers) > 1 and numbers == list(range(first, last + 1))
    return f"{first}-{last}" if run else numbers


def _spread(numbers: list[int] | str) -> list[int]:
    if isinstance(numbers, list):
        return numbers
    first, last = map(int, numbers.split("-"))
    return list(range(first, last + 1))


def write() -> None:
    """Write down what diffusers has."""
    lines = []
    for name in sorted(MODELS):
        rows = [[*row[:3], packed(row[3])] for row in rows_of(name)]
        inside = ",\n".join(f"  {json.dumps(row)}" for row in rows)
        lines.append(f"{json.dumps(name)}: [\n{inside}\n]")
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    write()
