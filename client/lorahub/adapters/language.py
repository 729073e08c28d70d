"""Language models by their dimensions.

Many share every dimension, and a fine-tune has those of its base, so a match is a hint and never a
proof; a mismatch with the model that a configuration names is one.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Model(NamedTuple):
    """`q` and `kv` are rows of the projections, `ffn` the width between, `layers` the blocks."""

    family: str
    name: str
    hidden: int
    q: int
    kv: int
    ffn: int
    layers: int


MODELS: tuple[Model, ...] = (
    Model("llama", "Llama-2-7B", 4096, 4096, 4096, 11008, 32),
    Model("llama", "Llama-2-13B", 5120, 5120, 5120, 13824, 40),
    Model("llama", "Llama-3-8B", 4096, 4096, 1024, 14336, 32),
    Model("llama", "Llama-3.1-8B", 4096, 4096, 1024, 14336, 32),
    Model("llama", "Llama-3.2-1B", 2048, 2048, 512, 8192, 16),
    Model("llama", "Llama-3.2-3B", 3072, 3072, 1024, 8192, 28),
    Model("llama", "Llama-3-70B", 8192, 8192, 1024, 28672, 80),
    Model("llama", "TinyLlama-1.1B", 2048, 2048, 256, 5632, 22),
    Model("llama", "SmolLM2-135M", 576, 576, 192, 1536, 30),
    Model("llama", "SmolLM2-360M", 960, 960, 320, 2560, 32),
    Model("mistral", "Mistral-7B", 4096, 4096, 1024, 14336, 32),
    Model("qwen", "Qwen2.5-0.5B", 896, 896, 128, 4864, 24),
    Model("qwen", "Qwen2.5-1.5B", 1536, 1536, 256, 8960, 28),
    Model("qwen", "Qwen2.5-3B", 2048, 2048, 256, 11008, 36),
    Model("qwen", "Qwen2.5-7B", 3584, 3584, 512, 18944, 28),
    Model("qwen", "Qwen2.5-14B", 5120, 5120, 1024, 13824, 48),
    Model("qwen", "Qwen2.5-32B", 5120, 5120, 1024, 27648, 64),
    Model("qwen", "Qwen2.5-72B", 8192, 8192, 1024, 29568, 80),
    Model("qwen", "Qwen3-0.6B", 1024, 2048, 1024, 3072, 28),
    Model("qwen", "Qwen3-4B", 2560, 4096, 1024, 9728, 36),
    Model("qwen", "Qwen3-8B", 4096, 4096, 1024, 12288, 36),
    Model("qwen", "Qwen3-14B", 5120, 5120, 1024, 17408, 40),
    Model("gemma", "Gemma-2-2B", 2304, 2048, 1024, 9216, 26),
    Model("gemma", "Gemma-2-9B", 3584, 4096, 2048, 14336, 42),
)
# Fewer known dimensions than this fit too many models to be worth a word.
_ENOUGH = 2
_SEPARATORS = re.compile(r"[\s_./-]+")


def fitting(known: Mapping[str, int], last_layer: int) -> list[Model]:
    """The models that have all `known` dimensions and a block `last_layer`, those whose last block
    it is first. Empty when too little is known.
    """
    if len(known) < _ENOUGH:
        return []
    found = [model for model in MODELS if _fits(model, known, last_layer)]
    return sorted(found, key=lambda model: model.layers != last_layer + 1)


def named(text: str) -> Sequence[Model]:
    """The models in the table that a base model's name speaks of ("meta-llama/Llama-2-7b-hf")."""
    plain = f" {_SEPARATORS.sub(' ', text[:300].lower())} "
    return [model for model in MODELS if f" {_SEPARATORS.sub(' ', model.name.lower())} " in plain]


def contradicts(text: str, known: Mapping[str, int], last_layer: int) -> Model | None:
    """The model that `text` names, if its dimensions are not the `known` ones."""
    models = named(text)
    if not models or any(_fits(model, known, last_layer) for model in models):
        return None
    return models[0]


def _fits(model: Model, known: Mapping[str, int], last_layer: int) -> bool:
    return last_layer < model.layers and all(
        getattr(model, name) == value for name, value in known.items()
    )
