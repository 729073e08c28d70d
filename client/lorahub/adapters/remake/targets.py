"""How each layout spells a module, and where it keeps the scale."""

from collections.abc import Callable
from dataclasses import dataclass

from lorahub.adapters.errors import AdapterFileError, shown
from lorahub.adapters.remake.files import PEFT_FILE
from lorahub.adapters.remake.naming import Name, Scheme
from lorahub.adapters.remake.naming.rules import WHOLE, Rule
from lorahub.adapters.remake.source import Source

# Where the scale is kept: a tensor, the configuration beside or in the header, or nowhere.
TENSOR, CONFIG, NOWHERE = "tensor", "config", "nowhere"


@dataclass(frozen=True, slots=True)
class Style:
    """The ends of the tensor names. `bias_inside`: the bias is scaled together with the product."""

    down: str
    up: str
    alpha: str
    magnitude: str
    bias: str
    bias_inside: bool


KOHYA = Style(".lora_down.weight", ".lora_up.weight", ".alpha", ".dora_scale", ".diff_b", False)
PEFT = Style(
    ".lora_A.weight", ".lora_B.weight", ".alpha", ".lora_magnitude_vector", ".lora_B.bias", True
)


@dataclass(frozen=True, slots=True)
class Unit:
    """One module as the target has it: the names of its parts, and the rule that joins them.

    `original`: the rows are in the order of the model's authors, not of diffusers.
    """

    key: str
    component: str
    path: str
    names: tuple[Name, ...]
    rule: Rule | None = None
    original: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """`folders`: each component is an adapter of its own."""

    layout: str
    style: Style
    scale: str
    unit: Callable[[Name], Unit]
    file: str | None = None
    folders: bool = False


def make_target(layout: str, scheme: Scheme, *, keep_alpha: bool) -> Target:
    """The target of a family that has a map. Raises AdapterFileError for what cannot be."""
    if scheme.names is None and layout != "peft":
        raise AdapterFileError(
            "no_map",
            f"Adapters of language models have no {layout} layout: only PEFT's is loaded by tools.",
            hint="Leave the layout out, or take peft.",
        )
    if layout == "kohya":
        return Target(layout, KOHYA, TENSOR, lambda name: _kohya(scheme, name))
    if layout == "comfyui":
        if not scheme.comfyui:
            raise AdapterFileError(
                "no_map",
                f"ComfyUI loads {scheme.family} adapters in the layout of kohya.",
                hint="Take kohya.",
            )
        return Target(layout, PEFT, NOWHERE, lambda name: _comfyui(scheme, name))
    if layout == "peft":
        return Target(layout, PEFT, CONFIG, _peft, PEFT_FILE, folders=True)
    scale = CONFIG if keep_alpha else NOWHERE
    return Target("diffusers", PEFT, scale, lambda name: _single(f"{name}", name))


def same_target(source: Source) -> Target:
    """The target that keeps the names of the source's file."""
    layout = source.layout
    if layout == "peft":
        return Target("peft", PEFT, CONFIG, _peft, PEFT_FILE, folders=True)
    if layout.startswith("diffusers"):
        has_metadata = "lora_adapter_metadata" in source.metadata
        scale = CONFIG if has_metadata else NOWHERE
        return Target("diffusers", PEFT, scale, lambda name: _single(f"{name}", name))
    spelled = {name: entry.module.name for name, entry in source.entries.items()}
    modules = [entry.module for entry in source.entries.values()]
    dotted = any(module.factors.get("down", "").endswith(".lora_A.weight") for module in modules)
    alphas = any(module.alpha_key for module in modules)
    return Target(
        layout,
        PEFT if dotted else KOHYA,
        TENSOR if alphas or not dotted else NOWHERE,
        lambda name: _single(_spelled(spelled, name), name),
    )


def _spelled(spelled: dict[Name, str], name: Name) -> str:
    found = spelled.get(name)
    if found is not None:
        return found
    # A module that only another of the merged files has: spelled like the first one's neighbours.
    for other, key in spelled.items():
        if other.component == name.component and key.endswith(other.path):
            return key.removesuffix(other.path) + name.path
    raise AdapterFileError(
        "no_map",
        f"{shown(str(name))} is only in one of the files, and they are spelled differently.",
        hint="Convert both files to one layout first.",
        key=name.path,
    )


def _single(key: str, name: Name) -> Unit:
    return Unit(key, name.component, name.path, (name,))


def _peft(name: Name) -> Unit:
    return Unit(f"base_model.model.{name.path}", name.component, name.path, (name,))


def _kohya(scheme: Scheme, name: Name) -> Unit:
    if name.component == "transformer_2":
        raise AdapterFileError(
            "no_map",
            "The two experts of Wan 2.2 are two files in the layout of kohya.",
            hint="Convert each expert's adapter by itself.",
        )
    encoder = scheme.encoders.get(name.component)
    unit = _original(scheme, name)
    prefix = encoder[0] if encoder else "lora_unet"
    key = f"{prefix}_{unit.path.replace('.', '_')}"
    return Unit(key, unit.component, unit.path, unit.names, unit.rule, original=True)


def _comfyui(scheme: Scheme, name: Name) -> Unit:
    encoder = scheme.encoders.get(name.component)
    unit = _original(scheme, name)
    prefix = f"text_encoders.{encoder[1]}.transformer" if encoder else "diffusion_model"
    key = f"{prefix}.{unit.path}"
    return Unit(key, unit.component, unit.path, unit.names, unit.rule, original=True)


def _original(scheme: Scheme, name: Name) -> Unit:
    place = scheme.write(name)
    if place is None:
        raise AdapterFileError(
            "no_map",
            f"{shown(str(name))} has no name in the original model that is known here.",
            hint="Keep the layout of diffusers, or name the family with --family.",
            key=name.path,
        )
    names = tuple(Name(name.component, path) for path in place.pieces)
    rule = place.rule if len(names) > 1 or place.rule.rows != WHOLE else None
    return Unit(place.original, name.component, place.original, names, rule)
