"""What an uploaded picture says about its making, in words for people."""

from collections.abc import Mapping
from typing import Any

# Both are cut on their way in; these hold if that ever changes.
_TOLD_MAX = 40
_TEXT_MAX = 4000
_LABELS = {
    "tool": "Program",
    "prompt": "Prompt",
    "negative": "Negative prompt",
    "seed": "Seed",
    "steps": "Steps",
    "sampler": "Sampler",
    "schedule": "Schedule",
    "guidance": "Guidance",
    "denoise": "Denoising",
    "clip_skip": "Clip skip",
    "model": "Model",
    "model_hash": "Model hash",
    "width": "Width",
    "height": "Height",
    "workflow": "Workflow",
}
_TOOLS = {"a1111": "A1111, or one that writes like it", "comfyui": "ComfyUI", "invoke": "InvokeAI"}
_INSIDE = "The picture holds a whole ComfyUI workflow."


def told(parameters: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Return labels and values, those that people look for first."""
    given = dict(list((parameters or {}).items())[:_TOLD_MAX])
    names = [name for name in _LABELS if name in given]
    names += sorted(given.keys() - _LABELS.keys())
    found = [(_LABELS.get(name, name), _words(name, given[name])) for name in names]
    return [(label, text) for label, text in found if text]


def _words(name: str, value: Any) -> str:
    if name == "workflow":
        return _INSIDE if value else ""
    if name == "tool":
        return _TOOLS.get(str(value), str(value))
    return "" if value is None else str(value)[:_TEXT_MAX]
