"""Which base-model architecture an adapter fits, from names and shapes, then from metadata.

Structure cannot be forged by renaming a file, so it wins; metadata and the PEFT configuration only
choose among what the structure leaves open. Families that share every shape stay a list.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from lorahub.adapters import language
from lorahub.adapters.families import streams, texts, transformers, unets
from lorahub.adapters.families.facts import Facts, Guess
from lorahub.adapters.families.words import family_of_words
from lorahub.adapters.layouts import Layout

_BASE_FIELD = "adapter_config.json base_model_name_or_path"
_MOST_NAMED = 4
_RULES = (
    unets.unet, transformers.named, streams.double_single, streams.joint, transformers.cosmos,
    transformers.wan, transformers.layers, transformers.dit, texts.language_modules,
)  # fmt: skip
# Elsewhere a name such as layers.0.mlp.gate_proj is that of a diffusion model.
_LANGUAGE_LAYOUTS = frozenset({"peft", "unknown", "original"})
# Models that have every shape of another and are still none of its kind: only metadata tells.
TWINS = {
    "sdxl": ("kolors",),
    "flux1": ("longcat-image", "bria", "bria-fibo"),
    "qwen-image": ("qwen-image-edit",),
    "hunyuan-video": ("motif-video",),
    "wan-14b": ("skyreels-v2", "chronoedit"),
    "wan-1.3b": ("skyreels-v2",),
    "sana": ("sana-video",),
    "pixart": ("sana",),
}


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


def detect(layout: Layout, metadata: Mapping[str, str], config: Mapping[str, object]) -> Family:
    structure, why = _structure(layout)
    hints = _hints(metadata, config)
    base = config.get("base_model_name_or_path")
    known, last = texts.dimensions(layout)
    models = language.fitting(known, last) if set(structure) & texts.LLAMA_LIKE else []
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
        if any(hinted in TWINS.get(name, ()) for name in structure):
            family.candidates = [hinted, *structure]
            family.evidence.append(source)
            family.name, family.confidence = hinted, "medium"
            return family
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


def _same_line(one: str, other: str) -> bool:
    """Whether one family is the other or a size of it: "wan" and "wan-14b"."""
    return one.startswith(other) or other.startswith(one)


def _structure(layout: Layout) -> Guess:
    if layout.name == "embedding":
        return unets.embedding(layout)
    if any(module.component == "prior" for module in layout.modules.values()):
        return ["stable-cascade"], "modules of the prior"
    facts = Facts(
        module
        for module in layout.modules.values()
        if not module.component.startswith("text_encoder")
    )
    if facts.modules:
        for rule in _RULES:
            guess = rule(facts)
            if layout.name not in _LANGUAGE_LAYOUTS and texts.LLAMA_LIKE & set(guess[0]):
                break
            if guess[0]:
                return guess
        return [], ""
    return unets.text_encoder(Facts(layout.modules.values()), layout)


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
