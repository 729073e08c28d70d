"""Many adapters and what people make of them: casts, renames, resizes, merges, further training.

Originals have uneven strengths and falling singular values, and half of them share the lower
factor's random start, as adapters of one trainer do.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lorahub.adapters import Sketch, load_tensors, read_modules, sketch_of
from support.weights import Arrays, packed

RANK = 8
_KOHYA = "lora_unet_down_blocks_{}_attentions_{}_transformer_blocks_0_{}"
_DIFFUSERS = "unet.down_blocks.{}.attentions.{}.transformer_blocks.0.{}"
_PARTS = (
    ("attn1.to_q", 64, 64), ("attn1.to_v", 64, 64), ("attn2.to_k", 96, 64),
    ("attn2.to_out.0", 64, 64), ("ff.net.2", 128, 64),
)  # fmt: skip
# (kohya's name, the name of diffusers, inputs, outputs)
MODULES = [
    (
        _KOHYA.format(block, index, part.replace(".", "_")),
        _DIFFUSERS.format(block, index, part),
        inputs,
        outputs,
    )
    for block in range(3)
    for index in range(2)
    for part, inputs, outputs in _PARTS
] + [
    (
        f"lora_te_text_model_encoder_layers_{layer}_self_attn_q_proj",
        f"text_encoder.text_model.encoder.layers.{layer}.self_attn.q_proj",
        64,
        64,
    )
    for layer in range(4)
]

# ΔW of each module as (up, down), float64.
Factors = list[tuple[Any, Any]]


@dataclass(frozen=True)
class Animal:
    """`kind` says how it was made, `parents` of which originals, with which weights."""

    kind: str
    sketch: Sketch
    parents: dict[int, float]


def original(seed: int) -> Factors:
    rng = np.random.default_rng(seed)
    shared = np.random.default_rng(0 if seed % 2 else seed + 10**6)
    made = []
    for _, _, inputs, outputs in MODULES:
        down = shared.uniform(-1, 1, (RANK, inputs)) / np.sqrt(inputs)
        down += 0.3 * rng.standard_normal((RANK, inputs)) / np.sqrt(inputs)
        decay = rng.uniform(0.5, 0.9) ** np.arange(RANK)
        strength = np.exp(rng.standard_normal())
        up = rng.standard_normal((outputs, RANK)) @ rng.standard_normal((RANK, RANK)) * decay
        made.append((up * (0.01 * strength), down))
    return made


def as_file(
    factors: Factors, *, layout: str = "kohya", dtype: str = "F32", alpha: float | None = None
) -> bytes:
    arrays: Arrays = {}
    for (kohya, diffusers, _, _), (up, down) in zip(MODULES, factors, strict=True):
        rank = len(down)
        scale = (rank if alpha is None or layout == "diffusers" else alpha) / rank
        names = {"kohya": (f"{kohya}.lora_up.weight", f"{kohya}.lora_down.weight")}.get(
            layout, (f"{diffusers}.lora_B.weight", f"{diffusers}.lora_A.weight")
        )
        arrays[names[0]] = np.asarray(up / scale, np.float32)
        arrays[names[1]] = np.asarray(down, np.float32)
        if layout == "kohya":
            arrays[f"{kohya}.alpha"] = np.array(rank * scale, np.float32)
    return packed(arrays, dtype=dtype)


def sketch(content: bytes) -> Sketch:
    tensors = load_tensors(content)
    found = sketch_of(read_modules(tensors.header), tensors, "sd1")
    assert found is not None
    return Sketch.from_bytes(found.to_bytes())  # as a hub keeps it


def scaled(factors: Factors, weight: float) -> Factors:
    return [(up * weight, down) for up, down in factors]


def regauged(factors: Factors, rng: np.random.Generator) -> Factors:
    made = []
    for up, down in factors:
        turn = np.linalg.qr(rng.standard_normal((len(down), len(down))))[0]
        stretch = np.exp(rng.uniform(-1, 1, len(down)))
        made.append((up @ turn * stretch, (turn / stretch).T @ down))
    return made


def resized(factors: Factors, energy: float) -> Factors:
    """The smallest rank of each module that keeps that part of its energy."""
    made = []
    for up, down in factors:
        (left, upper), (right, lower) = np.linalg.qr(up), np.linalg.qr(down.T)
        inner, values, outer = np.linalg.svd(upper @ lower.T)
        part = np.cumsum(values**2) / (values**2).sum()
        rank = int(np.searchsorted(part, energy)) + 1
        made.append((left @ inner[:, :rank] * values[:rank], outer[:rank] @ right.T))
    return made


def trained_on(factors: Factors, share: float, rng: np.random.Generator) -> Factors:
    """A little further: a random step of that part of each module's norm, in new directions."""
    made = []
    for up, down in factors:
        one = rng.standard_normal((len(up), 4))
        other = rng.standard_normal((4, down.shape[1]))
        one *= share * _norm(up, down) / _norm(one, other)
        made.append((np.concatenate([up, one], axis=1), np.concatenate([down, other])))
    return made


def _norm(up: Any, down: Any) -> float:
    return float(np.sqrt(((up.T @ up) * (down @ down.T)).sum()))


def merged(parts: list[tuple[Factors, float]]) -> Factors:
    """Exact, by concatenation."""
    made = []
    for modules in zip(*(scaled(factors, weight) for factors, weight in parts), strict=True):
        ups, downs = zip(*modules, strict=True)
        made.append((np.concatenate(ups, axis=1), np.concatenate(downs)))
    return made


# What is made of each original, and how its file looks.
DERIVED: dict[str, Callable[[Factors, np.random.Generator], bytes]] = {
    "other layout": lambda f, _: as_file(f, layout="diffusers"),
    "other alpha": lambda f, _: as_file(f, alpha=1.0),
    "F16": lambda f, _: as_file(f, dtype="F16"),
    "BF16": lambda f, _: as_file(f, layout="diffusers", dtype="BF16"),
    "other factors": lambda f, rng: as_file(regauged(f, rng), dtype="F16"),
    "half as strong": lambda f, _: as_file(scaled(f, 0.5)),
    "resized to 99 %": lambda f, _: as_file(resized(f, 0.99), layout="diffusers"),
    "resized to 90 %": lambda f, _: as_file(resized(f, 0.90)),
    "trained by 10 %": lambda f, rng: as_file(trained_on(f, 0.1, rng)),
    "trained by 25 %": lambda f, rng: as_file(trained_on(f, 0.25, rng)),
}
MERGED = {"merged 1 : 1": (1.0, 1.0), "merged 7 : 3": (0.7, 0.3), "merged of 3": (0.5, 0.5, 0.4)}


def herd(count: int) -> tuple[list[Sketch], list[Animal]]:
    """`count` originals, and thirteen that were made of each."""
    rng = np.random.default_rng(99)
    factors = [original(seed) for seed in range(count)]
    originals = [sketch(as_file(each)) for each in factors]
    animals = []
    for index, each in enumerate(factors):
        for kind, make in DERIVED.items():
            animals.append(Animal(kind, sketch(make(each, rng)), {index: 1.0}))
        for kind, weights in MERGED.items():
            parents = {(index + 7 * step) % count: w for step, w in enumerate(weights)}
            parts = [(factors[parent], weight) for parent, weight in parents.items()]
            animals.append(Animal(kind, sketch(as_file(merged(parts), dtype="BF16")), parents))
    return originals, animals
