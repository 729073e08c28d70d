"""What a header tells about an adapter, in one object."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from lorahub.adapters import families, limits
from lorahub.adapters.container import Header
from lorahub.adapters.errors import AdapterFileError, shown
from lorahub.adapters.layouts import Layout, Module, read_layout
from lorahub.adapters.metadata import (
    base_model_hint,
    component_config,
    number,
    training_facts,
)
from lorahub.adapters.tensors import DTYPE_BITS
from lorahub.adapters.triggers import trigger_words

_BUTTERFLY_DIMS = 4
_MATRIX_DIMS = 2
_PEFT_METHODS = {
    "PROMPT_TUNING": "prompt-tuning",
    "MULTITASK_PROMPT_TUNING": "prompt-tuning",
    "PREFIX_TUNING": "prefix-tuning",
    "P_TUNING": "p-tuning",
    "CPT": "cpt",
    "CARTRIDGE": "cartridge",
    "ADALORA": "adalora",
}


@dataclass(slots=True)
class Summary:
    """Facts from names, shapes and metadata. `dtypes` counts tensors, `elements` their values,
    `parameters` all values, `size` is in bytes, `ranks` is (smallest, largest). `alpha` is a
    declared number, None when it is not declared outside the weights. `extra_parameters` are
    those of whole tensors that come along.
    """

    layout: str
    method: str
    family: str | None
    family_confidence: str
    family_candidates: list[str]
    family_evidence: list[str]
    components: list[str]
    rank: int | None
    ranks: tuple[int, int] | None
    alpha: float | int | None
    dtypes: dict[str, int]
    elements: dict[str, int]
    tensors: int
    modules: int
    parameters: int
    extra_parameters: int
    size: int
    traits: list[str]
    trigger_words: list[str]
    base_model_hint: str | None
    training: dict[str, object]
    warnings: list[dict[str, str]]

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON knows them."""
        facts = asdict(self)
        facts["ranks"] = list(self.ranks) if self.ranks else None
        return facts


def summarise(header: Header, config: Mapping[str, object] | None = None) -> Summary:
    """What the header, and the PEFT adapter_config.json if there is one, tell.

    Raises AdapterFileError: `not_an_adapter` with the reason, `rank_mismatch` with the tensor.
    """
    config = config or {}
    layout = read_layout(header.tensors)
    warnings = [*_check(layout, config), *_misaligned(header)][: limits.MAX_LISTED]
    family = families.detect(layout, header.metadata, config)
    ranks = [rank for module in layout.modules.values() if (rank := module.rank)]
    extra = sum(info.elements for info in layout.extras.values())
    return Summary(
        layout=layout.name,
        method=_method(layout, config),
        family=family.name,
        family_confidence=family.confidence,
        family_candidates=family.candidates,
        family_evidence=family.evidence,
        components=sorted({module.component for module in layout.modules.values()}),
        rank=Counter(ranks).most_common(1)[0][0] if ranks else None,
        ranks=(min(ranks), max(ranks)) if ranks else None,
        alpha=_alpha(header, layout, config),
        dtypes=dict(Counter(info.dtype for info in header.tensors.values())),
        elements=_elements(header),
        tensors=len(header.tensors),
        modules=len(layout.modules),
        parameters=sum(info.elements for info in header.tensors.values()) - extra,
        extra_parameters=extra,
        size=header.file_size,
        traits=_traits(layout, config),
        trigger_words=trigger_words(header.metadata),
        base_model_hint=base_model_hint(header.metadata, config),
        training=training_facts(header.metadata),
        warnings=warnings,
    )


def _elements(header: Header) -> dict[str, int]:
    found: Counter[str] = Counter()
    for info in header.tensors.values():
        found[info.dtype] += info.elements
    return dict(found)


def _method(layout: Layout, config: Mapping[str, object]) -> str:
    modules = layout.modules.values()
    declared = config.get("peft_type")
    method = Counter(_algorithm(module) for module in modules).most_common(1)[0][0]
    if method == "prompt-tuning" and isinstance(declared, str):
        return _PEFT_METHODS.get(declared, method)
    if method != "lora":
        return method
    if config.get("use_dora") is True or any("magnitude" in module.parts for module in modules):
        return "dora"
    if layout.name in ("kohya", "lycoris") and any(module.has_kernel for module in modules):
        return "locon"
    return method


def _algorithm(module: Module) -> str:
    blocks = module.parts.get("blocks")
    # LyCORIS stores BOFT under the name of OFT, with one axis more.
    if module.algorithm == "oft" and blocks and len(blocks.shape) == _BUTTERFLY_DIMS:
        return "boft"
    return module.algorithm


def _traits(layout: Layout, config: Mapping[str, object]) -> list[str]:
    modules = layout.modules.values()
    traits = {name for name in ("use_rslora", "use_dora", "lora_bias") if config.get(name) is True}
    if config.get("modules_to_save"):
        traits.add("modules_to_save")
    if layout.extras:
        traits.add("whole_tensors")
    if layout.embeddings:
        traits.add("textual_inversion")
    if any(module.has_kernel for module in modules):
        traits.add("convolutions")
    if any("mid" in module.parts for module in modules):
        traits.add("tucker")
    if any("bias" in module.parts for module in modules):
        traits.add("bias")
    if any("magnitude" in module.parts for module in modules):
        traits.add("dora")
    if any("embedding_down" in module.parts for module in modules):
        traits.add("embeddings")
    return sorted(traits)


def _alpha(header: Header, layout: Layout, config: Mapping[str, object]) -> float | int | None:
    embedded = component_config(header.metadata)
    for value in (
        config.get("lora_alpha"),
        config.get("alpha"),
        *(embedded.get(f"{name}.lora_alpha") for name in ("unet", "transformer", "text_encoder")),
    ):
        found = number(value)
        if found is not None:
            return found
    if any("alpha" in module.parts for module in layout.modules.values()):
        return number(header.metadata.get("ss_network_alpha"))
    return None


def _check(layout: Layout, config: Mapping[str, object]) -> list[dict[str, str]]:
    """Refuse what no program can load; warn about what is only odd."""
    warnings: list[dict[str, str]] = []
    listed = config.get("modules_to_save")
    saved = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    for module in layout.modules.values():
        _check_rank(module)
        if _is_too_wide(module):
            warnings.append({"code": "rank_exceeds_size", "key": module.keys["down"]})
        for one, other in (
            ("down", "up"),
            ("up", "down"),
            ("embedding_down", "embedding_up"),
            ("w1_a", "w1_b"),
            ("w2_a", "w2_b"),
        ):
            if one in module.parts and other not in module.parts:
                warnings.append({"code": "missing_pair", "key": module.keys[one]})
    whole = re.compile(r"\.base_layer\.(weight|bias)$")
    for key in layout.extras:
        code = "whole_tensor" if whole.search(key) or _is_saved(key, saved) else "unknown_tensor"
        warnings.append({"code": code, "key": key})
    warnings += [{"code": "doubled_factor", "key": key} for key in layout.doubled]
    return warnings[: limits.MAX_LISTED]


def _misaligned(header: Header) -> list[dict[str, str]]:
    """Tensors that begin in the middle of a number of theirs, as seen from the data's start."""
    return [
        {"code": "misaligned", "key": name}
        for name, info in header.tensors.items()
        if info.begin % (DTYPE_BITS[info.dtype] // 8)
    ]


def _is_too_wide(module: Module) -> bool:
    """Whether the factors have more ranks than the matrix that they make can have."""
    down, up = module.parts.get("down"), module.parts.get("up")
    if down is None or up is None or min(len(down.shape), len(up.shape)) < _MATRIX_DIMS:
        return False
    inner = 1
    for size in down.shape[1:]:
        inner *= size
    return up.shape[1] > min(inner, up.shape[0])


def _is_saved(key: str, saved: list[str]) -> bool:
    """Whether a tensor belongs to a module that the configuration says is trained whole."""
    return any(f".{name}." in key for name in saved)


def _check_rank(module: Module) -> None:
    down, up = module.parts.get("down"), module.parts.get("up")
    if down is None or up is None:
        return
    if min(len(down.shape), len(up.shape)) < _MATRIX_DIMS:
        if down.shape and up.shape:
            raise _mismatch(module, "has a factor that is no matrix")
        return
    rank, inner = down.shape[0], up.shape[1]
    # Grouped convolutions and merged projections share one factor between groups.
    if (rank > inner and rank % inner) or (inner > rank and inner % rank):
        raise _mismatch(module, f"has rank {rank} in one factor and {inner} in the other")


def _mismatch(module: Module, what: str) -> AdapterFileError:
    return AdapterFileError(
        "rank_mismatch",
        f"Module {shown(module.name)} {what}.",
        hint="The file is damaged or was merged wrongly: save the adapter again.",
        key=module.keys["up"],
    )
