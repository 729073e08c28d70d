"""Reading adapter files: what they are, what is in them, whether they are sound.

Importing this package, and everything that reads only headers, needs the standard library alone;
numpy and blake3 are loaded by StreamInspector.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lorahub.adapters.container import Header as Header
    from lorahub.adapters.container import header_end as header_end
    from lorahub.adapters.container import parse_header as parse_header
    from lorahub.adapters.container import read_header as read_header
    from lorahub.adapters.errors import AdapterFileError as AdapterFileError
    from lorahub.adapters.inspect import Inspection as Inspection
    from lorahub.adapters.inspect import StreamInspector as StreamInspector
    from lorahub.adapters.kinds import HEAD_BYTES as HEAD_BYTES
    from lorahub.adapters.kinds import is_weight_name as is_weight_name
    from lorahub.adapters.kinds import looks_like_weights as looks_like_weights
    from lorahub.adapters.kinds import refuse_if_bad as refuse_if_bad
    from lorahub.adapters.kinds import sniff as sniff
    from lorahub.adapters.summary import Summary as Summary
    from lorahub.adapters.summary import summarise as summarise
    from lorahub.adapters.tensors import TensorInfo as TensorInfo

_HOMES = {
    "AdapterFileError": "errors",
    "HEAD_BYTES": "kinds",
    "Header": "container",
    "Inspection": "inspect",
    "StreamInspector": "inspect",
    "Summary": "summary",
    "TensorInfo": "tensors",
    "header_end": "container",
    "is_weight_name": "kinds",
    "looks_like_weights": "kinds",
    "parse_header": "container",
    "read_header": "container",
    "refuse_if_bad": "kinds",
    "sniff": "kinds",
    "summarise": "summary",
}

__all__ = [
    "HEAD_BYTES",
    "AdapterFileError",
    "Header",
    "Inspection",
    "StreamInspector",
    "Summary",
    "TensorInfo",
    "header_end",
    "is_weight_name",
    "looks_like_weights",
    "parse_header",
    "read_header",
    "refuse_if_bad",
    "sniff",
    "summarise",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
