"""The page that `lorahub inspect` prints about an adapter: for a terminal, or for a forum post."""

import os
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

from lorahub.adapters.description import EMPTY_SHA256
from lorahub.progress import listed, plain, size

_WIDEST, _NARROWEST = 100, 40
_BAR_CELLS = 24
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_SPARKS = "▁▂▃▄▅▆▇█"
# More blocks than this are drawn as one line for each stretch of the model.
_MOST_BARS = 16
_MOST_WARNINGS = 12
_MOST_WORDS = 12
_CODES = {"bold": "1", "dim": "2", "green": "32", "yellow": "33", "red": "31", "cyan": "36"}
_SERIOUS = frozenset({"modules_nan", "modules_inf", "modules_exploding", "missing_pair"})
_METHODS = {
    "lora": "LoRA", "locon": "LoCon", "dora": "DoRA", "loha": "LoHa", "lokr": "LoKr",
    "adalora": "AdaLoRA", "oft": "OFT", "boft": "BOFT", "ia3": "(IA)³", "vera": "VeRA",
    "glora": "GLoRA", "full": "full difference",
}  # fmt: skip
_LOADS = {"yes": "green", "partly": "yellow", "no": "dim"}
_TRAINING = (
    ("steps", "{} steps"),
    ("epoch", "{} epochs"),
    ("learning_rate", "learning rate {}"),
    ("optimizer", "{}"),
    ("resolution", "at {}"),
    ("num_train_images", "{} images"),
)
_COMPONENTS = {
    "unet": "U-Net", "transformer": "transformer", "text_encoder": "text encoder",
    "text_encoder_2": "second text encoder", "text_encoder_3": "third text encoder",
    "model": "model",
}  # fmt: skip


class Ink:
    """Colours where someone looks at a terminal, none elsewhere."""

    def __init__(self, stream: TextIO | None = None) -> None:
        stream = stream or sys.stdout
        self.colours = (
            stream.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("NO_COLOR")
        )
        encoding = (getattr(stream, "encoding", None) or "ascii").lower()
        self.blocks = encoding.replace("-", "").startswith("utf")
        self.width = max(min(shutil.get_terminal_size((_WIDEST, 24)).columns, _WIDEST), _NARROWEST)

    def __call__(self, text: str, *styles: str) -> str:
        if not self.colours or not styles:
            return text
        codes = ";".join(_CODES[style] for style in styles)
        return f"\x1b[{codes}m{text}\x1b[0m"

    def bar(self, part: float, cells: int) -> str:
        """A bar for a part of one."""
        eighths = round(max(min(part, 1.0), 0.0) * cells * 8)
        if not self.blocks:
            return ("#" * round(eighths / 8)).ljust(cells)
        rest = _EIGHTHS[eighths % 8] if eighths % 8 else ""
        return ("█" * (eighths // 8) + rest).ljust(cells)

    def sparks(self, parts: Sequence[float]) -> str:
        steps = _SPARKS if self.blocks else "_.-=+*#@"
        return "".join(steps[min(int(max(part, 0.0) * 8), 7)] for part in parts)


def page(report: Mapping[str, Any], ink: Ink | None = None) -> str:
    """The page of a report. What strangers wrote is made plain."""
    ink = ink or Ink()
    sections = [
        _head(report, ink),
        _facts(report, ink),
        _strength(report, ink),
        _smaller(report, ink),
        _tools(report, ink),
        _warnings(report, ink),
        _hashes(report, ink),
    ]
    return "\n\n".join("\n".join(lines) for lines in map(list, sections) if lines)


def _head(report: Mapping[str, Any], ink: Ink) -> Iterator[str]:
    yield ink(plain(str(report.get("file", "adapter"))), "bold")
    families = report["families"]
    family = families[0]["name"] if families else "an unknown base model"
    method = _METHODS.get(report["method"], report["method"])
    facts = [f"{method} for {family}", f"{report['layout']} layout"]
    if report["rank"]:
        facts.append(f"rank {_ranks(report)}")
    if report["alpha"] is not None:
        facts.append(f"alpha {report['alpha']:g}")
    facts += [", ".join(report["dtypes"]), size(report["bytes"])]
    yield " · ".join(plain(fact) for fact in facts)


def _ranks(report: Mapping[str, Any]) -> str:
    lowest, highest = report["ranks"] or (report["rank"], report["rank"])
    return f"{report['rank']}" if lowest == highest else f"{lowest} to {highest}"


def _facts(report: Mapping[str, Any], ink: Ink) -> Iterator[str]:
    said = report["metadata"]
    strength = said["strength"]
    for name, value in (
        ("title", said["title"]),
        ("author", said["author"]),
        ("license", said["license"]),
        ("family", _family(report["families"])),
        ("base model", said["base_model"]),
        ("trigger words", _words(said["triggers"])),
        (
            "strength",
            f"{strength['value']:g} suggested by {strength['source']}" if strength else "",
        ),
        ("trained", _trained(said)),
        ("parts", _parts(report)),
        ("parameters", _parameters(report)),
        ("also", ", ".join(trait.replace("_", " ") for trait in report["traits"])),
    ):
        if value:
            yield from _wrapped(name, plain(value), ink)


def _words(triggers: Sequence[Mapping[str, Any]]) -> str:
    words = []
    for each in triggers:
        counted = each["count"] and each["images"]
        words.append(
            f"{each['word']} ({each['count']} of {each['images']})" if counted else each["word"]
        )
    return listed(words, _MOST_WORDS) if words else ""


def _trained(said: Mapping[str, Any]) -> str:
    training = said["training"]
    facts = [text.format(training[key]) for key, text in _TRAINING if key in training]
    with_tool = f"with {said['trainer']}" if said["trainer"] else ""
    return " · ".join(fact for fact in [*facts, with_tool] if fact)


def _wrapped(name: str, text: str, ink: Ink) -> list[str]:
    lines = textwrap.wrap(text, ink.width - 17, break_on_hyphens=False) or [""]
    head = ink(name.ljust(15), "dim")
    return [f"  {head}{lines[0]}", *(f"{'':17}{line}" for line in lines[1:])]


def _family(families: Sequence[Mapping[str, Any]]) -> str:
    if not families:
        return "unknown"
    best = families[0]
    others = [each["name"] for each in families[1:]]
    evidence = "; ".join(best["evidence"])
    rest = f"; it could also be {', '.join(others)}" if others else ""
    return f"{best['name']} ({best['confidence']}: {evidence}{rest})"


def _parts(report: Mapping[str, Any]) -> str:
    found = {each["name"]: each["modules"] for each in report["by_component"]}
    if not found:
        return ", ".join(_COMPONENTS.get(name, name) for name in report["components"])
    return ", ".join(
        f"{_COMPONENTS.get(name, name)} ({count} modules)" for name, count in found.items()
    )


def _parameters(report: Mapping[str, Any]) -> str:
    told = f"{report['parameters']:,}"
    if report["extra_parameters"]:
        told += f" and {report['extra_parameters']:,} in whole tensors"
    bases = [each["base_parameters"] for each in report["by_component"]]
    if bases and all(bases):
        whole = sum(bases)
        covered = report["strength"]["covered"] / whole
        share = report["parameters"] / whole
        told += (
            f": {share * 100:.2g}% of its base; they move {min(covered, 1.0):.0%} of its weights"
        )
    return told


def _strength(report: Mapping[str, Any], ink: Ink) -> Iterator[str]:
    strength, blocks = report["strength"], report["blocks"]
    if not strength or not strength["frobenius"]:
        return
    yield ink("Strength", "bold") + ink("  how far it moves the weights, root mean square", "dim")
    told = f"  |ΔW| {strength['frobenius']:.3g}, strongest direction {strength['spectral']:.3g}"
    if strength["effective_rank"]:
        told += f", effective rank {strength['effective_rank']:.3g}"
        mixed = report["ranks"] and report["ranks"][0] != report["ranks"][1]
        told += f" of {_ranks(report)}" if report["rank"] else ""
        told += " on average" if mixed else ""
    yield told if ink.blocks else told.replace("Δ", "d")
    largest = max((block["rms"] or 0.0 for block in blocks), default=0.0)
    if not largest:
        return
    for component in dict.fromkeys(block["component"] for block in blocks):
        own = [block for block in blocks if block["component"] == component]
        yield "  " + _COMPONENTS.get(component, plain(component))
        draw = _bars if len(own) <= _MOST_BARS else _sparks
        yield from draw(own, largest, ink)


def _bars(blocks: Sequence[Mapping[str, Any]], largest: float, ink: Ink) -> Iterator[str]:
    cells = min(_BAR_CELLS, ink.width - 32)
    for block in blocks:
        rms = block["rms"] or 0.0
        name = plain(block["name"]).removeprefix(f"{block['component']}.")
        yield f"    {name:<12}{ink(ink.bar(rms / largest, cells), 'cyan')} {rms:.2e}"


def _sparks(blocks: Sequence[Mapping[str, Any]], largest: float, ink: Ink) -> Iterator[str]:
    groups: dict[str, list[float]] = {}
    for block in blocks:
        groups.setdefault(block["group"], []).append((block["rms"] or 0.0) / largest)
    room = ink.width - 18
    for group, parts in groups.items():
        for begin in range(0, len(parts), room):
            name = plain(group) if not begin else ""
            drawn = ink(ink.sparks(parts[begin : begin + room]), "cyan")
            yield f"    {name:<12}{drawn}"


def _smaller(report: Mapping[str, Any], ink: Ink) -> Iterator[str]:
    ranks, energies = report["smaller"]["ranks"], report["smaller"]["energies"]
    if not energies:
        return
    yield ink("A smaller rank", "bold") + ink("  what a resize would keep", "dim")
    for each in [each for each in ranks if each["energy"] >= _WORTH][-4:]:
        yield (
            f"  rank {each['rank']:<5} keeps {each['energy']:>6.1%} of its energy, "
            f"{each['worst']:.0%} in the worst module; {size(each['bytes'])}"
        )
    for each in energies:
        yield (
            f"  {each['energy']:.0%} everywhere needs rank {each['mean_rank']:.3g} on average, "
            f"{each['largest_rank']} at most; {size(each['bytes'])}"
        )


_WORTH = 0.3


def _tools(report: Mapping[str, Any], ink: Ink) -> Iterator[str]:
    if not report["tools"]:
        return
    yield ink("Loads in", "bold")
    for tool in report["tools"]:
        lines = textwrap.wrap(plain(tool["why"]), ink.width - 24) or [""]
        answer = ink(tool["loads"], _LOADS.get(tool["loads"], "dim"))
        gap = " " * (8 - len(tool["loads"])) if lines[0] else ""
        yield f"  {tool['name']:<13} {answer}{gap}{lines[0]}"
        yield from (f"{'':24}{line}" for line in lines[1:])


def _warnings(report: Mapping[str, Any], ink: Ink) -> Iterator[str]:
    warnings = report["warnings"]
    health = report["health"]
    if health and not warnings:
        yield ink("Health", "bold") + "  " + ink("no complaints", "green")
        return
    if not warnings:
        return
    yield ink("Health" if health else "Warnings", "bold")
    for each in warnings[:_MOST_WARNINGS]:
        colour = "red" if each["code"] in _SERIOUS else "yellow"
        lines = textwrap.wrap(plain(each["message"]), ink.width - 4, break_on_hyphens=False)
        yield f"  {ink('!', colour, 'bold')} {lines[0]}"
        yield from (f"    {line}" for line in lines[1:])
        if each["keys"] and each["code"].startswith("modules_"):
            names = listed([plain(key) for key in each["keys"]], 3)
            yield from (f"    {ink(line, 'dim')}" for line in textwrap.wrap(names, ink.width - 4))
    if len(warnings) > _MOST_WARNINGS:
        yield f"    and {len(warnings) - _MOST_WARNINGS} more: see --json"


def _hashes(report: Mapping[str, Any], ink: Ink) -> Iterator[str]:
    hashes = report["hashes"]
    if not hashes:
        return
    yield ink("Hashes", "bold")
    yield f"  SHA256 {hashes['SHA256']}"
    short = [name for name in ("AutoV1", "AutoV2", "AutoV3", "CRC32") if name in hashes]
    # Files below a megabyte all have the same AutoV1: that of nothing.
    short = [name for name in short if not EMPTY_SHA256.startswith(hashes[name])]
    yield "  " + "  ".join(f"{name} {hashes[name]}" for name in short)
