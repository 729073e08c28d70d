"""Which names a family uses, and what its parts are called in each layout."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from lorahub.adapters.remake.naming import text
from lorahub.adapters.remake.naming.rules import Names, Place, Rule
from lorahub.adapters.remake.naming.transformers import transformer_names
from lorahub.adapters.remake.naming.unet import sd_names, sdxl_names

# How old versions of diffusers named what an attention processor held.
_PROCESSOR = re.compile(r"\.processor\.(to_[qkv]|to_out|to_add_out|add_[qkv]_proj)_lora$")
_OUTPUTS = {"to_out": "to_out.0"}


class Name(NamedTuple):
    """The canonical name of a module: `component` and `path` as diffusers has them."""

    component: str
    path: str

    def __str__(self) -> str:
        return f"{self.component}.{self.path}"


@dataclass(frozen=True)
class Scheme:
    """The names of one family. `encoders`: component -> (kohya's prefix, ComfyUI's, names)."""

    family: str
    backbone: str
    names: Names | None
    encoders: Mapping[str, tuple[str, str, Names]] = field(default_factory=dict)
    kohya: bool = True
    comfyui: bool = True

    def read(self, component: str, path: str) -> tuple[str, Place] | None:
        """(component, place) of a module as a file names it; None if it is not known."""
        if self.names is None:
            return self.backbone, Place(Rule(path, (path,)), (), 0)
        if component.startswith("text_encoder"):
            encoder, path = text.tidy(path)
            component = self._encoder(component, encoder)
            known = self.encoders.get(component)
            place = known[2].read(path) if known else None
            return (component, place) if place else None
        place = self.names.read(_without_processor(path))
        if place is None:
            return None
        return (component if component == "transformer_2" else self.backbone), place

    def write(self, name: Name) -> Place | None:
        """The original's module that a canonical name is, or is a piece of."""
        names = self.encoders[name.component][2] if name.component in self.encoders else self.names
        if names is None:
            return Place(Rule(name.path, (name.path,)), (), 0)
        return names.piece(name.path)

    def _encoder(self, component: str, encoder: str | None) -> str:
        found = text.COMFY_NAMES.get(encoder or "", component)
        # FLUX has no second CLIP: whatever comes second or third is its T5.
        if found in ("t5", "text_encoder_3"):
            return "text_encoder_3" if "text_encoder_3" in self.encoders else "text_encoder_2"
        return found


def _without_processor(path: str) -> str:
    return _PROCESSOR.sub(lambda match: f".{_OUTPUTS.get(match[1], match[1])}", path)


def scheme_for(family: str) -> Scheme | None:
    """The scheme of a family as `families` names it; None for those without a map."""
    make = _SCHEMES.get(family)
    return make(family) if make else None


def language(family: str) -> Scheme:
    """Language models: the path in the model is the name, and only PEFT's layout fits."""
    return Scheme(family, "model", None, kohya=False, comfyui=False)


def _sd(family: str) -> Scheme:
    clip = ("lora_te", "clip_l", text.clip_names())
    return Scheme(family, "unet", sd_names(), {"text_encoder": clip}, comfyui=False)


def _sdxl(family: str) -> Scheme:
    encoders = {
        "text_encoder": ("lora_te1", "clip_l", text.clip_names()),
        "text_encoder_2": ("lora_te2", "clip_g", text.clip_names()),
    }
    return Scheme(family, "unet", sdxl_names(), encoders, comfyui=False)


def _flux(family: str) -> Scheme:
    encoders = {
        "text_encoder": ("lora_te1", "clip_l", text.clip_names()),
        "text_encoder_2": ("lora_te3", "t5xxl", text.t5_names()),
    }
    return Scheme(family, "transformer", transformer_names("flux"), encoders)


def _sd3(family: str) -> Scheme:
    encoders = {
        "text_encoder": ("lora_te1", "clip_l", text.clip_names()),
        "text_encoder_2": ("lora_te2", "clip_g", text.clip_names()),
        "text_encoder_3": ("lora_te3", "t5xxl", text.t5_names()),
    }
    return Scheme(family, "transformer", transformer_names("sd3"), encoders)


def _plain(model: str) -> Callable[[str], Scheme]:
    return lambda family: Scheme(family, "transformer", transformer_names(model))


_SCHEMES: dict[str, Callable[[str], Scheme]] = {
    "sd1": _sd,
    "sd2": _sd,
    "shapes": _sd,
    "sdxl": _sdxl,
    "kolors": _sdxl,
    "flux1": _flux,
    "chroma": _flux,
    "longcat-image": _flux,
    "bria": _flux,
    "bria-fibo": _flux,
    "sd3": _sd3,
    "sd3.5-medium": _sd3,
    "sd3.5-large": _sd3,
    "hunyuan-video": _plain("hunyuan-video"),
    "motif-video": _plain("hunyuan-video"),
    "wan": _plain("wan"),
    "wan-14b": _plain("wan"),
    "wan-1.3b": _plain("wan"),
    "wan-5b": _plain("wan"),
    "skyreels-v2": _plain("wan"),
    "chronoedit": _plain("wan"),
    "qwen-image": _plain("qwen-image"),
    "qwen-image-edit": _plain("qwen-image"),
    "ltx-video": _plain("ltx-video"),
    "ltx-video-13b": _plain("ltx-video"),
    "ltx2": _plain("ltx-video"),
    "z-image": _plain("z-image"),
    "lumina2": _plain("lumina2"),
}
