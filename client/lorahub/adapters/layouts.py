"""Whose spelling the tensor names follow, and which tensors belong to one module.

A name is a module path and a suffix. The suffix tells the algorithm and the tensor's role in it,
the head of the path tells the tool and the component. Only names and shapes are read here.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from lorahub.adapters.strangers import refuse_non_adapters
from lorahub.adapters.tensors import TensorInfo

# Last one or two name parts -> (algorithm, role).
_SUFFIXES: dict[str, tuple[str, str]] = {
    "lora_down.weight": ("lora", "down"),
    "lora_up.weight": ("lora", "up"),
    "lora_mid.weight": ("lora", "mid"),
    "lora_A.weight": ("lora", "down"),
    "lora_B.weight": ("lora", "up"),
    "lora_B.bias": ("lora", "bias"),
    "lora_up.bias": ("lora", "bias"),
    "lora_A": ("lora", "down"),
    "lora_B": ("lora", "up"),
    "lora_E": ("adalora", "scale"),
    "lora_ranknum": ("adalora", "extra"),
    "lora_embedding_A": ("lora", "embedding_down"),
    "lora_embedding_B": ("lora", "embedding_up"),
    "lora.down.weight": ("lora", "down"),
    "lora.up.weight": ("lora", "up"),
    "lora_linear_layer.down.weight": ("lora", "down"),
    "lora_linear_layer.up.weight": ("lora", "up"),
    "alpha": ("", "alpha"),
    "network_alpha": ("", "alpha"),
    "dora_scale": ("dora", "magnitude"),
    "lora_magnitude_vector": ("dora", "magnitude"),
    "lora_magnitude_vector.weight": ("dora", "magnitude"),
    "hada_w1_a": ("loha", "w1_a"),
    "hada_w1_b": ("loha", "w1_b"),
    "hada_w2_a": ("loha", "w2_a"),
    "hada_w2_b": ("loha", "w2_b"),
    "hada_t1": ("loha", "t1"),
    "hada_t2": ("loha", "t2"),
    "lokr_w1": ("lokr", "w1"),
    "lokr_w1_a": ("lokr", "w1_a"),
    "lokr_w1_b": ("lokr", "w1_b"),
    "lokr_w2": ("lokr", "w2"),
    "lokr_w2_a": ("lokr", "w2_a"),
    "lokr_w2_b": ("lokr", "w2_b"),
    "lokr_t1": ("lokr", "t1"),
    "lokr_t2": ("lokr", "t2"),
    "oft_blocks": ("oft", "blocks"),
    "oft_diag": ("oft", "blocks"),
    "rescale": ("", "rescale"),
    "oft_R.weight": ("oft", "blocks"),
    "oft_R": ("oft", "blocks"),
    "oft_s": ("oft", "scale"),
    "boft_R": ("boft", "blocks"),
    "boft_s": ("boft", "scale"),
    "a1.weight": ("glora", "a1"),
    "a2.weight": ("glora", "a2"),
    "b1.weight": ("glora", "b1"),
    "b2.weight": ("glora", "b2"),
    "bm.weight": ("glora", "bm"),
    "w_norm": ("norm", "diff"),
    "b_norm": ("norm", "diff"),
    "diff": ("full", "diff"),
    "diff_b": ("full", "bias"),
    "set_weight": ("full", "diff"),
    "reshape_weight": ("", "reshape"),
    "on_input": ("ia3", "extra"),
    "ia3_l": ("ia3", "scale"),
    "vera_lambda_b": ("vera", "scale"),
    "vera_lambda_d": ("vera", "rank_scale"),
    "vera_A": ("vera", "shared"),
    "vera_B": ("vera", "shared"),
    "prompt_embeddings": ("prompt-tuning", "prompt"),
    "prefix_task_cols": ("prompt-tuning", "extra"),
    "prefix_task_rows": ("prompt-tuning", "extra"),
    "adaption_prompt": ("adaption-prompt", "prompt"),
    "adaption_gate": ("adaption-prompt", "extra"),
    "trainable_tokens_delta": ("trainable-tokens", "extra"),
    "ln_tuning_layers.weight": ("ln-tuning", "scale"),
    "hira_A": ("hira", "down"),
    "hira_B": ("hira", "up"),
    "delora_A": ("delora", "down"),
    "delora_B": ("delora", "up"),
    "peanut_A": ("peanut", "down"),
    "peanut_B": ("peanut", "up"),
    "lily_A.weight": ("lily", "extra"),
    "lily_B.weight": ("lily", "extra"),
    "lily_router.weight": ("lily", "extra"),
    "beft_bias": ("beft", "extra"),
    "unilora_theta_d": ("unilora", "extra"),
    "miss_block": ("miss", "extra"),
}
# PEFT methods whose tensors all share a prefix and whose inner meaning does not matter here.
_OTHER_METHODS = (
    "fourierft", "waveft", "vblora", "randlora", "road", "shira", "c3a", "hra", "frod", "pvera",
    "poly", "gralora", "tinylora", "psoft", "osf", "delora", "shadow", "supertuning", "deft",
    "glora", "oft", "boft", "xlora", "adamss", "cartridge", "unilora",
)  # fmt: skip
_OTHER = re.compile(rf"({'|'.join(_OTHER_METHODS)})_\w+$")
_PROCESSOR = re.compile(r"(to_[qkv]|to_out|to_add_out|add_[qkv]_proj|qkv|proj)_lora\d?$")
_DIRECTIONS = frozenset({"down", "up"})
_TAIL = 2

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

_EMBEDDING_NAMES = frozenset({"emb_params", "clip_l", "clip_g", "t5xxl", "t5xxl_embeddings"})
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
    """`extras`: tensors that are trained whole (modules_to_save, resized embeddings) or unknown."""

    name: str
    modules: dict[str, Module]
    extras: dict[str, TensorInfo]


def read_layout(tensors: Mapping[str, TensorInfo]) -> Layout:
    """Group tensors into modules. Raises AdapterFileError("not_an_adapter") with the reason."""
    embedding = _textual_inversion(tensors)
    if embedding:
        return embedding
    modules: dict[str, Module] = {}
    extras: dict[str, TensorInfo] = {}
    layouts: Counter[str] = Counter()
    for key, info in tensors.items():
        split = split_name(key)
        if split is None:
            extras[key] = info
            continue
        name, algorithm, role = split
        module = modules.get(name)
        if module is None:
            layout, component, path = _place(name)
            module = modules[name] = Module(path, name, component)
            layouts[layout] += 1
        module.parts[role] = info
        module.keys[role] = key
        module.algorithms[algorithm] += 1
    _take_ia3_weights(modules, extras)
    bare = [name for name, module in modules.items() if not any(module.algorithms)]
    for name in bare:
        module = modules.pop(name)
        extras.update({key: module.parts[role] for role, key in module.keys.items()})
    refuse_non_adapters(tensors, extras, recognised=bool(modules))
    layout = layouts.most_common(1)[0][0]
    if layout == "diffusers" and any(".down.weight" in key for key in tensors):
        layout = "diffusers-legacy"
    return Layout(layout, modules, extras)


def split_name(key: str) -> tuple[str, str, str] | None:
    """(module, algorithm, role) of a tensor name, None for what is not part of an adapter."""
    parts = key.rsplit(".", 3)
    for count in (3, 2, 1):
        if count > len(parts):
            continue
        known = _SUFFIXES.get(".".join(parts[-count:]))
        if known:
            return (key.rsplit(".", count)[0] if count < len(key.split(".")) else "", *known)
    if len(parts) > _TAIL and parts[-2] in _DIRECTIONS and parts[-1] == "weight":
        return _processor(key)
    if len(parts) > _TAIL and parts[-3] in ("lora_A", "lora_B"):
        role = "down" if parts[-3] == "lora_A" else "up"
        return key.rsplit(".", 3)[0], "lora", role if parts[-1] == "weight" else "bias"
    if len(parts) >= _TAIL and parts[-2] in (
        "lora_A",
        "lora_B",
        "lora_embedding_A",
        "lora_embedding_B",
    ):
        known = _SUFFIXES[parts[-2]]
        return (key.rsplit(".", 2)[0], *known)
    for count in (1, 2):
        if len(parts) >= count:
            match = _OTHER.match(parts[-count])
            if match:
                return key.rsplit(".", count)[0], match[1], parts[-count]
    return None


def _processor(key: str) -> tuple[str, str, str] | None:
    """Old diffusers and XLabs: `....to_q_lora.down.weight`."""
    path, direction, _ = key.rsplit(".", 2)
    return (path, "lora", direction) if _PROCESSOR.search(path) else None


def _place(name: str) -> tuple[str, str, str]:
    """(layout, component, path) of a module name."""
    match = _KOHYA.match(name)
    if match:
        path = name[match.end() :]
        component = _KOHYA_COMPONENTS.get(match[1]) or _backbone(path)
        return ("lycoris" if match[1] == "lycoris" else "kohya"), component, path
    if name.startswith("base_model."):
        path = name.removeprefix("base_model.").removeprefix("model.")
        return "peft", "unet" if _UNET_PATH.match(path) else "model", path
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


def _backbone(path: str) -> str:
    return "unet" if _UNET_FLAT.match(path) else "transformer"


def _take_ia3_weights(modules: dict[str, Module], extras: dict[str, TensorInfo]) -> None:
    """LyCORIS (IA)3 names its vector plainly `.weight`, next to `.on_input`."""
    for name, module in modules.items():
        key = f"{name}.weight"
        if module.algorithm == "ia3" and key in extras:
            module.parts["scale"] = extras.pop(key)
            module.keys["scale"] = key


def _textual_inversion(tensors: Mapping[str, TensorInfo]) -> Layout | None:
    for name, info in tensors.items():
        known = name in _EMBEDDING_NAMES or (name.startswith("<") and name.endswith(">"))
        alone = len(tensors) == 1 and "." not in name and name != "prompt_embeddings"
        narrow = (
            len(info.shape) in (1, 2)
            and info.shape[-1] in _EMBEDDING_WIDTHS
            and (len(info.shape) == 1 or info.shape[0] <= _MAX_EMBEDDING_ROWS)
        )
        if not narrow or not (known or alone):
            return None
    modules = {}
    for name, info in tensors.items():
        module = Module(name, name, "embedding", {"prompt": info}, {"prompt": name})
        module.algorithms["textual-inversion"] = 1
        modules[name] = module
    return Layout("embedding", modules, {})


def _rank(module: Module) -> int | None:
    parts = module.parts
    for role, axis in (("down", 0), ("embedding_down", 0), ("t1", 0), ("w1_b", 0), ("w2_b", 0)):
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
