"""Writing the header of a safetensors file; the data after it is the caller's to copy."""

import json
from collections.abc import Mapping

from lorahub.adapters.tensors import TensorInfo

_ALIGNMENT = 8


def encode_header(tensors: Mapping[str, TensorInfo], metadata: Mapping[str, str]) -> bytes:
    """The first bytes of a file, length included, up to where the data begins.

    The offsets of `tensors` stand as they are. Padded with spaces, so that the data is aligned.
    """
    entries: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    for name, info in tensors.items():
        entries[name] = {
            "dtype": info.dtype,
            "shape": list(info.shape),
            "data_offsets": [info.begin, info.end],
        }
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return len(text).to_bytes(_ALIGNMENT, "little") + text
