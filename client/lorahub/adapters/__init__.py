"""Reading adapter files: what they are, what they do, whether they are sound, which are the same.

    from pathlib import Path
    from lorahub import adapters

    report = adapters.inspect_file("style.safetensors")      # or a folder that PEFT wrote
    report["families"][0]["name"], report["rank"], report["warnings"]
    adapters.convert(Path("style.safetensors"), Path("out.safetensors"), layout="diffusers")
    adapters.resize(Path("style.safetensors"), Path("small.safetensors"), rank=8)
    adapters.merge([adapters.Ingredient(Path("a"), 0.6), adapters.Ingredient(Path("b"), 0.4)], out)
    adapters.scrub("style.safetensors", "clean.safetensors")

What is refused raises AdapterFileError, with a `code`, a sentence and a hint. The keys of a report
are described in inspection.schema.json.

Importing this package, and everything that reads only headers, needs the standard library alone;
numpy and blake3 are loaded by what touches the weights.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lorahub.adapters.arrays import Tensors as Tensors
    from lorahub.adapters.arrays import load_tensors as load_tensors
    from lorahub.adapters.arrays import open_tensors as open_tensors
    from lorahub.adapters.config import AdapterConfig as AdapterConfig
    from lorahub.adapters.config import parse_config as parse_config
    from lorahub.adapters.container import Header as Header
    from lorahub.adapters.container import header_end as header_end
    from lorahub.adapters.container import parse_header as parse_header
    from lorahub.adapters.container import read_header as read_header
    from lorahub.adapters.delta import Delta as Delta
    from lorahub.adapters.delta import load_delta as load_delta
    from lorahub.adapters.description import Description as Description
    from lorahub.adapters.description import describe as describe
    from lorahub.adapters.errors import AdapterFileError as AdapterFileError
    from lorahub.adapters.inspect import Inspection as Inspection
    from lorahub.adapters.inspect import StreamInspector as StreamInspector
    from lorahub.adapters.kinds import HEAD_BYTES as HEAD_BYTES
    from lorahub.adapters.kinds import is_weight_name as is_weight_name
    from lorahub.adapters.kinds import looks_like_weights as looks_like_weights
    from lorahub.adapters.kinds import refuse_if_bad as refuse_if_bad
    from lorahub.adapters.kinds import sniff as sniff
    from lorahub.adapters.measure import measure_modules as measure_modules
    from lorahub.adapters.modules import Module as Module
    from lorahub.adapters.modules import read_modules as read_modules
    from lorahub.adapters.remake.compare import Comparison as Comparison
    from lorahub.adapters.remake.compare import compare as compare
    from lorahub.adapters.remake.convert import convert as convert
    from lorahub.adapters.remake.difference import difference as difference
    from lorahub.adapters.remake.merge import Ingredient as Ingredient
    from lorahub.adapters.remake.merge import merge as merge
    from lorahub.adapters.remake.plan import Plan as Plan
    from lorahub.adapters.remake.plan import make_plan as make_plan
    from lorahub.adapters.remake.plan import make_variant as make_variant
    from lorahub.adapters.remake.plan import read_recipe as read_recipe
    from lorahub.adapters.remake.report import Report as Report
    from lorahub.adapters.remake.resize import resize as resize
    from lorahub.adapters.remake.verify import verify as verify
    from lorahub.adapters.report import inspect_file as inspect_file
    from lorahub.adapters.sameness import content_hashes as content_hashes
    from lorahub.adapters.sameness import likeness as likeness
    from lorahub.adapters.sameness import merge_of as merge_of
    from lorahub.adapters.scrubbing import Scrubbed as Scrubbed
    from lorahub.adapters.scrubbing import scrub as scrub
    from lorahub.adapters.sketch import Sketch as Sketch
    from lorahub.adapters.sketch import sketch_of as sketch_of
    from lorahub.adapters.summary import Summary as Summary
    from lorahub.adapters.summary import summarise as summarise
    from lorahub.adapters.tensors import TensorInfo as TensorInfo
    from lorahub.adapters.tools import Tool as Tool
    from lorahub.adapters.tools import loaders as loaders
    from lorahub.adapters.triggers import Trigger as Trigger

_HOMES = {
    "Comparison": "remake.compare",
    "compare": "remake.compare",
    "convert": "remake.convert",
    "difference": "remake.difference",
    "Ingredient": "remake.merge",
    "merge": "remake.merge",
    "Plan": "remake.plan",
    "make_plan": "remake.plan",
    "make_variant": "remake.plan",
    "read_recipe": "remake.plan",
    "Report": "remake.report",
    "resize": "remake.resize",
    "verify": "remake.verify",
    "AdapterConfig": "config",
    "AdapterFileError": "errors",
    "Description": "description",
    "HEAD_BYTES": "kinds",
    "Header": "container",
    "Inspection": "inspect",
    "Module": "modules",
    "Scrubbed": "scrubbing",
    "StreamInspector": "inspect",
    "Summary": "summary",
    "TensorInfo": "tensors",
    "Tensors": "arrays",
    "Tool": "tools",
    "Trigger": "triggers",
    "describe": "description",
    "header_end": "container",
    "is_weight_name": "kinds",
    "load_tensors": "arrays",
    "loaders": "tools",
    "looks_like_weights": "kinds",
    "open_tensors": "arrays",
    "parse_config": "config",
    "parse_header": "container",
    "read_header": "container",
    "read_modules": "modules",
    "refuse_if_bad": "kinds",
    "scrub": "scrubbing",
    "sniff": "kinds",
    "summarise": "summary",
    "Delta": "delta",
    "load_delta": "delta",
    "inspect_file": "report",
    "measure_modules": "measure",
    "Sketch": "sketch",
    "sketch_of": "sketch",
    "likeness": "sameness",
    "merge_of": "sameness",
    "content_hashes": "sameness",
}

__all__ = [
    "HEAD_BYTES",
    "AdapterConfig",
    "AdapterFileError",
    "Comparison",
    "Delta",
    "Description",
    "Header",
    "Ingredient",
    "Inspection",
    "Module",
    "Plan",
    "Report",
    "Scrubbed",
    "Sketch",
    "StreamInspector",
    "Summary",
    "TensorInfo",
    "Tensors",
    "Tool",
    "Trigger",
    "compare",
    "content_hashes",
    "convert",
    "describe",
    "difference",
    "header_end",
    "inspect_file",
    "is_weight_name",
    "likeness",
    "load_delta",
    "load_tensors",
    "loaders",
    "looks_like_weights",
    "make_plan",
    "make_variant",
    "measure_modules",
    "merge",
    "merge_of",
    "open_tensors",
    "parse_config",
    "parse_header",
    "read_header",
    "read_modules",
    "read_recipe",
    "refuse_if_bad",
    "resize",
    "scrub",
    "sketch_of",
    "sniff",
    "summarise",
    "verify",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
