"""Whose spelling the tensor names follow, and which tensors belong to one module.

A name is a module path and a suffix. The suffix tells the algorithm and the tensor's role in it,
the head of the path tells the tool and the component. Only names and shapes are read here.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from lorahub.adapters.strangers import refuse_non_adapters
from lorahub.adapters.suffixes import split_name
from lorahub.adapters.tensors import TensorInfo

_KOHYA = re.compile(
    r"(lora_prior_unet|lora_prior_te|lora_unet_?|lora_transformer|lora_te\d?|lycoris|lora_dit)_"
)
_DIFFUSERS = re.compile(
    r"(unet|transformer|transformer_2|transformer_3|transformer_ref|text_encoder|text_encoder_2|"
    r"text_encoder_3|text_conditioner|connectors|prior|controlnet|vae|dit)\."
)
_ORIGINAL = re.compile(
    r"(double_blocks|single_blocks|joint_blocks|joint_transformer_blocks|blocks|layers|"
    r"transformer_blocks|single_transformer_blocks|double_stream_blocks|single_stream_blocks|"
    r"img_in|txt_in|final_layer|time_in|vector_in|guidance_in|head|patch_embedding|"
    r"time_embedding|time_projection|text_embedding|x_embedder|noise_refiner|context_refiner)\."
)
_STREAMS = re.compile(
    r"(double_blocks|single_blocks|joint_blocks|transformer_blocks|single_transformer_blocks)\."
)
_UNET_PATH = re.compile(r"(down_blocks|up_blocks|mid_block)\.")
_TEXT_PATH = re.compile(r"(text_model|clip_l|clip_g|t5xxl|text_encoders)\.")
_KOHYA_COMPONENTS = {
    "lora_te": "text_encoder",
    "lora_te1": "text_encoder",
    "lora_te2": "text_encoder_2",
    "lora_te3": "text_encoder_3",
    "lora_prior_unet": "prior",
    "lora_prior_te": "text_encoder",
    "lora_transformer": "transformer",
}
_UNET_FLAT = re.compile(
    r"(down_blocks|up_blocks|mid_block|input_blocks|output_blocks|middle_block)"
)

# Layouts without a prefix, known by the first words of their paths.
_HEADLESS = (
    # Prompt tuning has no module path at all.
    (re.compile(r"$"), "peft", "model"),
    (re.compile(r"(double|single)_blocks\.\d+\.processor\."), "xlabs", "transformer"),
    (_UNET_PATH, "diffusers", "unet"),
    (_TEXT_PATH, "comfyui", "text_encoder"),
    (_ORIGINAL, "original", "transformer"),
)

_SHARED = re.compile(r"base_model(\.(frod|tinylora|vera|pvera|randlora|vblora)_\w+)?")
_EMBEDDING_NAMES = frozenset({"emb_params", "clip_l", "clip_g", "t5xxl", "t5xxl_embeddings"})
_BUNDLED = re.compile(r"bundle_emb\.")
_EMBEDDING_WIDTHS = frozenset({768, 1024, 1280, 2048, 4096})
_MAX_EMBEDDING_ROWS = 256


@dataclass(slots=True)
class Module:
    """One adapted module: its path without the tool's prefix, and its tensors by role."""

    path: str
    name: str
    component: str
    parts: dict[str, TensorInfo] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    algorithms: Counter[str] = field(default_factory=Counter)

    @property
    def flat(self) -> str:
        """The path with dots as underscores: the same for kohya and dotted layouts."""
        return self.path.replace(".", "_")

    @property
    def algorithm(self) -> str:
        if "adalora" in self.algorithms:
            return "adalora"
        found = [name for name in self.algorithms if name not in ("", "dora", "full")]
        return found[0] if found else ("full" if "full" in self.algorithms else "dora")

    @property
    def rank(self) -> int | None:
        """The rank that the shapes show, None where the algorithm has none."""
        return _rank(self)

    @property
    def width_in(self) -> int | None:
        down = self.parts.get("down") or self.parts.get("w1_b")
        return down.shape[1] if down and len(down.shape) > 1 else _kron(self, 1)

    @property
    def width_out(self) -> int | None:
        up = self.parts.get("up") or self.parts.get("w1_a")
        return up.shape[0] if up and up.shape else _kron(self, 0)

    @property
    def has_kernel(self) -> bool:
        """Whether this is a convolution over more than one pixel."""
        if "mid" in self.parts or "t1" in self.parts or "t2" in self.parts:
            return True
        down = self.parts.get("down")
        return down is not None and any(size > 1 for size in down.shape[2:])


@dataclass(frozen=True, slots=True)
class Layout:
    """`extras`: tensors that are trained whole (modules_to_save, resized embeddings) or unknown.
    `shared`: tensors of the method that belong to no single module. `doubled`: tensors whose place
    in their module is taken. `embeddings`: token vectors that lie beside a LoRA.
    """

    name: str
    modules: dict[str, Module]
    extras: dict[str, TensorInfo]
    shared: dict[str, TensorInfo] = field(default_factory=dict)
    doubled: list[str] = field(default_factory=list)
    embeddings: dict[str, TensorInfo] = field(default_factory=dict)


def read_layout(tensors: Mapping[str, TensorInfo]) -> Layout:
    """Group tensors into modules. Raises AdapterFileError("not_an_adapter") with the reason."""
    embedding = _textual_inversion(tensors)
    if embedding:
        return embedding
    modules: dict[str, Module] = {}
    extras: dict[str, TensorInfo] = {}
    embeddings: dict[str, TensorInfo] = {}
    doubled: list[str] = []
    layouts: Counter[str] = Counter()
    for key, info in tensors.items():
        split = split_name(key)
        if split is None:
            (embeddings if _is_token_vector(key, info) else extras)[key] = info
            continue
        name, algorithm, role = split
        module = modules.get(name)
        if module is None:
            layout, component, path = _place(name)
            module = modules[name] = Module(path, name, component)
            layouts[layout] += 1
        if role in module.parts:
            doubled.append(key)
            continue
        module.parts[role] = info
        module.keys[role] = key
        module.algorithms[algorithm] += 1
    _take_ia3_weights(modules, extras)
    bare = [name for name, module in modules.items() if not any(module.algorithms)]
    for name in bare:
        module = modules.pop(name)
        extras.update({key: module.parts[role] for role, key in module.keys.items()})
    refuse_non_adapters(tensors, extras, recognised=bool(modules))
    shared = _take_shared(modules)
    layout = layouts.most_common(1)[0][0]
    if layout == "diffusers" and any(".down.weight" in key for key in tensors):
        layout = "diffusers-legacy"
    return Layout(layout, modules, extras, shared, doubled, embeddings)


def _take_shared(modules: dict[str, Module]) -> dict[str, TensorInfo]:
    """What PEFT keeps once for all modules (VeRA's projections, banks of vectors), unless it is
    all there is.
    """
    names = [name for name in modules if _SHARED.fullmatch(name)]
    if len(names) == len(modules):
        return {}
    return {
        key: module.parts[role]
        for module in map(modules.pop, names)
        for role, key in module.keys.items()
    }


def _place(name: str) -> tuple[str, str, str]:
    """(layout, component, path) of a module name."""
    match = _KOHYA.match(name)
    if match:
        path = name[match.end() :]
        component = _KOHYA_COMPONENTS.get(match[1]) or _backbone(path)
        return ("lycoris" if match[1] == "lycoris" else "kohya"), component, path
    if name == "base_model" or name.startswith("base_model."):
        path = name.removeprefix("base_model.").removeprefix("model.")
        return "peft", _peft_component(path), path
    if name.startswith("diffusion_model."):
        path = name.removeprefix("diffusion_model.")
        return "comfyui", _backbone(path), path
    match = _DIFFUSERS.match(name)
    if match:
        return "diffusers", match[1], name[match.end() :]
    for pattern, layout, component in _HEADLESS:
        if pattern.match(name):
            return layout, component, name
    return "unknown", "model", name


def _peft_component(path: str) -> str:
    """Language models mostly; some trainers of image models write PEFT's names, too."""
    if _UNET_PATH.match(path):
        return "unet"
    return "transformer" if _STREAMS.match(path) else "model"


def _backbone(path: str) -> str:
    return "unet" if _UNET_FLAT.match(path) else "transformer"


def _take_ia3_weights(modules: dict[str, Module], extras: dict[str, TensorInfo]) -> None:
    """LyCORIS (IA)3 names its vector plainly `.weight`, next to `.on_input`."""
    for name, module in modules.items():
        key = f"{name}.weight"
        if module.algorithm == "ia3" and key in extras:
            module.parts["scale"] = extras.pop(key)
            module.keys["scale"] = key


def _is_token_vector(name: str, info: TensorInfo) -> bool:
    """The embedding of a new token, as trainers of pivotal tuning put it beside a LoRA."""
    known = (
        name in _EMBEDDING_NAMES
        or _BUNDLED.match(name) is not None
        or (name.startswith("<") and name.endswith(">"))
    )
    return known and _is_narrow(info)


def _is_narrow(info: TensorInfo) -> bool:
    return (
        len(info.shape) in (1, 2)
        and info.shape[-1] in _EMBEDDING_WIDTHS
        and (len(info.shape) == 1 or info.shape[0] <= _MAX_EMBEDDING_ROWS)
    )


def _textual_inversion(tensors: Mapping[str, TensorInfo]) -> Layout | None:
    if not tensors:
        return None
    for name, info in tensors.items():
        alone = len(tensors) == 1 and "." not in name and name != "prompt_embeddings"
        if not (_is_token_vector(name, info) or (alone and _is_narrow(info))):
            return None
    modules = {}
    for name, info in tensors.items():
        module = Module(name, name, "embedding", {"prompt": info}, {"prompt": name})
        module.algorithms["textual-inversion"] = 1
        modules[name] = module
    return Layout("embedding", modules, {})


_RANKS = (
    ("down", 0), ("embedding_down", 0), ("t1", 0), ("w1_b", 0), ("w2_b", 0), ("a2", 0),
)  # fmt: skip


def _rank(module: Module) -> int | None:
    parts = module.parts
    for role, axis in _RANKS:
        info = parts.get(role)
        if info and len(info.shape) > axis:
            return info.shape[axis]
    info = parts.get("rank_scale") or parts.get("t2")
    if info and info.shape:
        return info.shape[0]
    return None


def _kron(module: Module, axis: int) -> int | None:
    """Width of a LoKr module along one axis: the product of both factors."""
    product = 1
    for factor in ("w1", "w2"):
        whole = module.parts.get(factor)
        half = module.parts.get(f"{factor}_{'ab'[axis]}")
        info = whole or half
        if module.algorithm != "lokr" or info is None or len(info.shape) <= axis:
            return None
        product *= info.shape[axis]
    return product
