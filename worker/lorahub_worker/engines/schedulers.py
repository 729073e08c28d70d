"""Samplers by the names that recipes use, made from the configuration of the base's own."""

from typing import Any

from lorahub_worker.engines.spec import RecipeRefused

# name -> (class, what is changed in the configuration)
_NOISE: dict[str, tuple[str, dict[str, Any]]] = {
    "ddim": ("DDIMScheduler", {}),
    "euler": ("EulerDiscreteScheduler", {}),
    "euler_a": ("EulerAncestralDiscreteScheduler", {}),
    "dpmpp_2m": ("DPMSolverMultistepScheduler", {"use_karras_sigmas": False}),
    "dpmpp_2m_karras": ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
    "unipc": ("UniPCMultistepScheduler", {}),
    "heun": ("HeunDiscreteScheduler", {}),
    "lcm": ("LCMScheduler", {}),
}
# Flow models know no noise schedule, so only these make sense.
_FLOW: dict[str, tuple[str, dict[str, Any]]] = {
    "euler": ("FlowMatchEulerDiscreteScheduler", {}),
    "heun": ("FlowMatchHeunDiscreteScheduler", {}),
    "lcm": ("FlowMatchLCMScheduler", {}),
}
NAMES = ("", *_NOISE)
# As A1111 calls them, so that other tools read our pictures.
LABELS = {
    "ddim": "DDIM", "euler": "Euler", "euler_a": "Euler a", "dpmpp_2m": "DPM++ 2M",
    "dpmpp_2m_karras": "DPM++ 2M Karras", "unipc": "UniPC", "heun": "Heun", "lcm": "LCM",
}  # fmt: skip


def make(name: str, own: Any) -> Any:
    """A fresh scheduler of this name for a base whose own is `own`. Raises RecipeRefused."""
    import diffusers

    if not name:
        return type(own).from_config(own.config)
    flow = type(own).__name__.startswith("FlowMatch")
    known = (_FLOW if flow else _NOISE).get(name)
    if known is None:
        may = ", ".join(_FLOW if flow else _NOISE)
        raise RecipeRefused(
            "unknown_scheduler", f"This base can't be sampled with {name[:40]!r}; take {may}."
        )
    kind = getattr(diffusers, known[0])
    return kind.from_config(own.config, **known[1])


def label(name: str, own: str = "") -> str:
    """What A1111 calls it; `own` is the class of the base's own scheduler."""
    return LABELS.get(name) or own.removesuffix("Scheduler").removesuffix("Discrete") or "unknown"
