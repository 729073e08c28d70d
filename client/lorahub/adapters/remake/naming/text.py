"""The text encoders beside a diffusion model: CLIP and T5."""

import re
from functools import lru_cache

from lorahub.adapters.remake.naming.rules import Names, same

_CLIP = "text_model.encoder.layers.{}."
_T5 = "encoder.block.{}.layer."
_COMFY = re.compile(r"text_encoders\.(clip_l|clip_g|t5xxl)\.transformer\.")
COMFY_NAMES = {"clip_l": "text_encoder", "clip_g": "text_encoder_2", "t5xxl": "t5"}
# How transformers 5 names CLIP's layers, and how diffusers named its own before PEFT.
_BARE = re.compile(r"encoder([._])layers[._]")
_OLD = re.compile(r"self_attn\.to_(q|k|v|out)_lora$")


@lru_cache
def clip_names() -> Names:
    parts = ("q_proj", "k_proj", "v_proj", "out_proj")
    layers = [*(f"self_attn.{part}" for part in parts), "mlp.fc1", "mlp.fc2"]
    return Names(list(same(*(f"{_CLIP}{layer}" for layer in layers), "text_projection")))


@lru_cache
def t5_names() -> Names:
    layers = [f"0.SelfAttention.{part}" for part in "qkvo"]
    layers += [f"1.DenseReluDense.{part}" for part in ("wi_0", "wi_1", "wo")]
    return Names(list(same(*(f"{_T5}{layer}" for layer in layers))))


def tidy(path: str) -> tuple[str | None, str]:
    """(what ComfyUI calls the encoder, path) in today's spelling."""
    found = _COMFY.match(path)
    encoder = found[1] if found else None
    path = path[found.end() :] if found else path
    bare = _BARE.match(path)
    if bare:
        path = f"text_model{bare[1]}{path}"
    return encoder, _OLD.sub(lambda match: f"self_attn.{match[1]}_proj", path)
