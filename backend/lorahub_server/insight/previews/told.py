"""What programs write into their pictures about the making: prompt, seed, steps.

The words are strangers': every value is cut to size, and nothing is believed but shown as told.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

from lorahub.adapters.metadata import bounded_json

PROMPT_MAX = 4000
_WORD_MAX = 200
_NODES_MAX = 500
_HOPS_MAX = 12
_STEPS = re.compile(r"^Steps: \d")
_PAIR = re.compile(r'\s*([\w ./()+-]{1,60}):\s*("(?:\\.|[^"\\])*"|[^,]*)(?:,|$)')
_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")
# A1111's words, and ours for them.
_A1111 = {
    "Steps": "steps", "Sampler": "sampler", "CFG scale": "guidance", "Seed": "seed",
    "Model": "model", "Model hash": "model_hash", "Schedule type": "schedule",
    "Clip skip": "clip_skip", "Denoising strength": "denoise",
}  # fmt: skip
_NUMBERS = ("steps", "seed", "guidance", "clip_skip", "denoise")
_SEED_MOST = 2**64


def parameters(texts: Mapping[str, str]) -> dict[str, Any] | None:
    """Return what the texts of a picture tell of its making, None when they tell nothing.

    `tool` is who wrote it: a1111 (and all that write like it), comfyui, invoke.
    """
    for text in (texts.get("parameters"), texts.get("UserComment"), texts.get("comment")):
        found = _of_a1111(text) if text else None
        if found:
            return found
    for name in ("invokeai_metadata", "sd-metadata"):
        found = _of_invoke(texts[name]) if name in texts else None
        if found:
            return found
    return _of_comfyui(texts)


def _of_a1111(text: str) -> dict[str, Any] | None:
    lines = text.strip()[: 4 * PROMPT_MAX].splitlines()
    last = next((at for at in range(len(lines) - 1, -1, -1) if _STEPS.match(lines[at])), None)
    if last is None:
        return None
    words = lines[:last]
    begin = next(
        (at for at, line in enumerate(words) if line.startswith("Negative prompt:")), len(words)
    )
    negative = "\n".join(words[begin:]).removeprefix("Negative prompt:")
    found: dict[str, Any] = {
        "tool": "a1111",
        "prompt": _words("\n".join(words[:begin])),
        "negative": _words(negative),
    }
    pairs = {name.strip(): value for name, value in _PAIR.findall(lines[last])}
    for theirs, ours in _A1111.items():
        if theirs in pairs:
            _keep(found, ours, pairs[theirs].strip('" '))
    size = _SIZE.fullmatch(pairs.get("Size", "").strip())
    if size is not None:
        found["width"], found["height"] = int(size[1]), int(size[2])
    return found


def _of_invoke(text: str) -> dict[str, Any] | None:
    data = bounded_json(text)
    if not isinstance(data, dict):
        return None
    image = data.get("image")
    told = image if isinstance(image, dict) else data
    prompt = told.get("positive_prompt", told.get("prompt"))
    if isinstance(prompt, list):
        first = prompt[0] if prompt else None
        prompt = first.get("prompt") if isinstance(first, dict) else None
    if not isinstance(prompt, str):
        return None
    found: dict[str, Any] = {"tool": "invoke", "prompt": _words(prompt)}
    negative = told.get("negative_prompt")
    found["negative"] = _words(negative) if isinstance(negative, str) else ""
    names = {"steps": "steps", "seed": "seed", "cfg_scale": "guidance", "scheduler": "sampler",
             "sampler": "sampler", "width": "width", "height": "height"}  # fmt: skip
    for theirs, ours in names.items():
        if theirs in told:
            _keep(found, ours, told[theirs])
    model = told.get("model")
    name = model.get("name", model.get("model_name")) if isinstance(model, dict) else model
    _keep(found, "model", name)
    return found


def _of_comfyui(texts: Mapping[str, str]) -> dict[str, Any] | None:
    graph = bounded_json(texts.get("prompt") or _prefixed(texts, "prompt:"))
    workflow = texts.get("workflow") or _prefixed(texts, "workflow:")
    if not isinstance(graph, dict) or not graph:
        if workflow and isinstance(bounded_json(workflow), dict):
            return {"tool": "comfyui", "prompt": "", "negative": "", "workflow": True}
        return None
    nodes = {
        key: node
        for key, node in list(graph.items())[:_NODES_MAX]
        if isinstance(node, dict) and isinstance(node.get("inputs"), dict)
    }
    if not nodes:
        return None
    found: dict[str, Any] = {
        "tool": "comfyui", "prompt": "", "negative": "", "workflow": bool(workflow),
    }  # fmt: skip
    samplers = (node["inputs"] for node in nodes.values() if _is_sampler(node))
    sampler: Mapping[str, Any] = next(samplers, {})
    found["prompt"] = _words(_text_at(nodes, sampler.get("positive")))
    found["negative"] = _words(_text_at(nodes, sampler.get("negative")))
    names = {"steps": "steps", "cfg": "guidance", "sampler_name": "sampler",
             "scheduler": "schedule", "denoise": "denoise"}  # fmt: skip
    for theirs, ours in names.items():
        _keep(found, ours, sampler.get(theirs))
    _keep(found, "seed", sampler.get("seed", sampler.get("noise_seed")))
    for node in nodes.values():
        for name in ("ckpt_name", "unet_name"):
            if "model" not in found:
                _keep(found, "model", node["inputs"].get(name))
    if not found["prompt"]:
        texts_in = (node["inputs"].get("text") for node in nodes.values())
        found["prompt"] = _words(next((one for one in texts_in if isinstance(one, str)), ""))
    return found


def _prefixed(texts: Mapping[str, str], prefix: str) -> str:
    """Return the JSON that a program put into another field, behind a word of its own."""
    for name in ("make", "model", "description", "UserComment"):
        text = texts.get(name, "")
        if text.lower().startswith(prefix):
            return text[len(prefix) :]
    return ""


def _is_sampler(node: Mapping[str, Any]) -> bool:
    inputs = node["inputs"]
    return "positive" in inputs and ("seed" in inputs or "noise_seed" in inputs)


def _text_at(nodes: Mapping[str, Any], link: Any) -> str:
    """Follow a link of the graph to the text that it begins with."""
    for _ in range(_HOPS_MAX):
        if not isinstance(link, list) or not link or not isinstance(link[0], str | int):
            return ""
        node = nodes.get(str(link[0]))
        if node is None:
            return ""
        inputs = node["inputs"]
        for name in ("text", "text_g", "string", "value", "prompt"):
            if isinstance(inputs.get(name), str):
                return str(inputs[name])
        onward = ("text", "conditioning", "positive", "conditioning_1", "string", "value")
        link = next((inputs[name] for name in onward if isinstance(inputs.get(name), list)), None)
    return ""


def _words(text: str) -> str:
    shown = "".join(char if char.isprintable() or char == "\n" else " " for char in text)
    return shown.strip()[:PROMPT_MAX]


def _keep(found: dict[str, Any], name: str, value: Any) -> None:
    """Keep a value that is a plain word or number of its kind."""
    if isinstance(value, bool) or value is None:
        return
    if name in (*_NUMBERS, "width", "height"):
        number = _number(value)
        if number is not None:
            found[name] = number
    elif isinstance(value, str | int | float):
        text = " ".join(_words(str(value)[:_WORD_MAX]).split())
        if text:
            found[name] = text


def _number(value: Any) -> int | float | None:
    # A seed has more digits than a float.
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdecimal():
        value = int(value) if len(value) < _WORD_MAX else None
    if isinstance(value, int):
        return value if abs(value) < _SEED_MOST else None
    try:
        number = float(value) if isinstance(value, str | float) else math.nan
    except ValueError:
        return None
    if not abs(number) < _SEED_MOST:
        return None
    return int(number) if number.is_integer() else round(number, 4)
