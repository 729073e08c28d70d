"""Facts in words: the filters and functions that templates use."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from lorahub_server.doors.web import card_words, differing, families, helping
from lorahub_server.kit.clock import ago
from lorahub_server.library import licences

_KILO = 1000
_UNITS = ("B", "kB", "MB", "GB", "TB")
_TEN = 10
# Of a card's field: items of a list, and characters.
_ITEMS, _VALUE = 30, 300
_NEARLY = 99  # percent; from here on the first decimal tells it from all
_LAYOUTS = {
    "kohya": "kohya",
    "diffusers": "diffusers",
    "peft": "PEFT",
    "comfyui": "ComfyUI",
    "lycoris": "LyCORIS",
    "embedding": "embedding",
}
_METHODS = {
    "lora": "LoRA",
    "locon": "LoCon",
    "dora": "DoRA",
    "loha": "LoHa",
    "lokr": "LoKr",
    "oft": "OFT",
    "boft": "BOFT",
    "ia3": "(IA)³",
    "adalora": "AdaLoRA",
    "vera": "VeRA",
    "prompt-tuning": "prompt tuning",
    "prefix-tuning": "prefix tuning",
    "p-tuning": "P-tuning",
    "textual-inversion": "textual inversion",
}
_COMPONENTS = {
    "unet": "U-Net",
    "transformer": "Transformer",
    "text_encoder": "Text encoder",
    "text_encoder_2": "Second text encoder",
    "text_encoder_3": "Third text encoder",
    "te": "Text encoder",
    "model": "Model",
}
_VERSIONS = {
    "bytes": "The very same file.",
    "tensors": "The same weights; only the header or the names changed.",
    "same": "The same weights in another layout or precision.",
    "scaled": "The same weights at another strength.",
    "resized": "The same weights with some of them left out, as a smaller rank leaves them.",
    "near": "Nearly the same: a little more training, or a little less.",
    "related": "Something in common, and much that is new.",
    "unlike": "Little in common with the version before.",
}
_LIKENESSES = {
    "bytes": "The very same file as in",
    "tensors": "The same weights, with another header, as in",
    "same": "The same weights in another form as in",
    "scaled": "The same weights at another strength as in",
    "resized": "The same weights at another rank as in",
    "near": "Hardly different from",
    "related": "Has much in common with",
    "part": "Merged from others, among them",
}
# What browsers show; SVG is left out, since it can hold scripts.
PICTURES = frozenset({"png", "jpg", "jpeg", "webp", "gif", "avif"})
_HASHES = ("SHA256", "AutoV1", "AutoV2", "AutoV3", "BLAKE3", "CRC32")
_BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def size(count: int | None) -> str:
    """Return bytes as people say them: 36.1 MB."""
    if count is None:
        return ""
    value, unit = float(count), 0
    while value >= _KILO - 0.5 and unit < len(_UNITS) - 1:
        value, unit = value / _KILO, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if unit and value < _TEN else f"{value:.0f} {_UNITS[unit]}"


def short(count: int) -> str:
    """Return a count in few characters: 950, 1.2k, 37k, 4.1M."""
    for bound, letter in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        if count >= bound:
            value = count / bound
            text = f"{value:.1f}" if value < _TEN else f"{value:.0f}"
            return text.removesuffix(".0") + letter
    return str(count)


def many(count: int, one: str, more: str | None = None) -> str:
    """Return `1 file`, `3 files`."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y}"


def machine(moment: datetime) -> str:
    """Return the moment for the attribute of a `<time>`."""
    return moment.isoformat(timespec="seconds")


def layout_label(name: str | None) -> str:
    return _LAYOUTS.get(name, name) if name else "unknown layout"


def method_label(name: str | None) -> str:
    return _METHODS.get(name, name) if name else "adapter"


def browser(agent: str) -> str:
    """Return what a User-Agent header comes down to: Firefox on Linux."""
    program = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    if program and system:
        return f"{program} on {system}"
    return program or system or "Another program"


def initial(name: str) -> str:
    return name[:1].upper()


def plain(number: float | None) -> str:
    """Return a number without a tail of zeros."""
    return "" if number is None else f"{number:g}"


def dtypes(counts: Mapping[str, int]) -> str:
    """Return the types of the tensors, the commonest first: BF16, F32."""
    return ", ".join(sorted(counts, key=lambda name: (-counts[name], name)))


def words_of(text: str) -> list[str]:
    """Return what a field with commas or line breaks holds, each once, in order."""
    found = (" ".join(part.split()) for part in re.split(r"[,\n]", text))
    return list(dict.fromkeys(part for part in found if part))


def leaf(path: str) -> str:
    return path.rpartition("/")[2]


def steps(path: str) -> list[tuple[str, str]]:
    """Return each part of a path with the path up to it."""
    parts = path.split("/") if path else []
    return [(part, "/".join(parts[: number + 1])) for number, part in enumerate(parts)]


def ending(path: str) -> str:
    """Return a file's ending in small letters, without the dot."""
    name = leaf(path)
    return name.rpartition(".")[2].lower() if "." in name else ""


def confidence(level: str | None) -> str:
    """Return how sure the hub is of a base model that it detected."""
    if level == "high":
        return "read from the weights"
    return "from weights and metadata" if level == "medium" else "a guess from what is there"


def hash_lines(hashes: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the hashes as name and value, the best known first."""
    order = [kind for kind in _HASHES if kind in hashes]
    return [(kind, hashes[kind]) for kind in (*order, *sorted(set(hashes) - set(order)))]


def rest(message: str) -> str:
    """Return what a commit's message says after its first line."""
    return message.partition("\n")[2].strip()


def figure(number: float | None) -> str:
    """Return a measured number in three digits: 0.00103, 31.9."""
    return "-" if number is None else f"{number:.3g}"


def percent(share: float | None, rounding: float = 1e-9) -> str:
    """Return a share as people say it; what is not all of it is never called 100 %.

    `rounding`: how far from all of it a number is that was all of it before it was computed.
    """
    if share is None:
        return "-"
    shown = 100 * share
    is_all = share >= 1 - rounding
    return f"{shown:.0f} %" if shown < _NEARLY or is_all else f"{min(shown, 99.9):.1f} %"


def between(lowest: float, highest: float) -> str:
    """Return a range in words, or the one number that it is."""
    return plain(lowest) if lowest == highest else f"{plain(lowest)} to {plain(highest)}"


def component(name: str) -> str:
    return _COMPONENTS.get(name, name.replace("_", " "))


def version(kind: str) -> str:
    """Return how the weights of a file changed."""
    return _VERSIONS.get(kind, _VERSIONS["unlike"])


def likeness(kind: str) -> str:
    """Return the words between a file and the repository that has one like it."""
    return _LIKENESSES[kind]


def kind_icon(path: str) -> str:
    if ending(path) == "safetensors":
        return "weights"
    return "picture" if ending(path) in PICTURES else "file"


def bare_address(address: str) -> str:
    """Return a web address as people say it."""
    return address.removeprefix("https://").removeprefix("http://").rstrip("/")


def shown(value: Any) -> str:
    """Return the value of a card's field as people read it."""
    if value is None:
        return "-"
    if isinstance(value, list):
        text = ", ".join(shown(item) for item in value[:_ITEMS])
        return text if len(value) <= _ITEMS else f"{text} and more"
    text = json.dumps(value, default=str) if isinstance(value, dict) else str(value)
    return text if len(text) <= _VALUE else text[: _VALUE - 1] + "…"


FILTERS: dict[str, Callable[..., Any]] = {
    **card_words.FILTERS,
    "ago": ago,
    "bare_address": bare_address,
    "browser": browser,
    "component": component,
    "confidence": confidence,
    "day": day,
    "dtypes": dtypes,
    "figure": figure,
    "family": families.family_label,
    "hash_lines": hash_lines,
    "hue": families.family_hue,
    "initial": initial,
    "kind_icon": kind_icon,
    "layout": layout_label,
    "leaf": leaf,
    "licence": licences.licence_of,
    "likeness": likeness,
    "machine": machine,
    "makes": families.family_makes,
    "method": method_label,
    "percent": percent,
    "plain": plain,
    "rest": rest,
    "short": short,
    "shown": shown,
    "size": size,
    "steps": steps,
    "version": version,
}
GLOBALS: dict[str, Any] = {
    **helping.GLOBALS,
    "between": between,
    "differing": differing.differing,
    "many": many,
}
