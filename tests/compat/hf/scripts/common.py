"""What the scripts share. They run in the client's environment, which has only the client."""

import hashlib
import json
import struct
import sys
from pathlib import Path

import huggingface_hub
from huggingface_hub import HfApi, utils

utils.disable_progress_bars()
VERSION = tuple(int(part) for part in huggingface_hub.__version__.split(".")[:2])
api = HfApi()
ARGS = sys.argv[1:]
# The hub keeps files up to this size in the commit itself.
SMALL = 1024 * 1024


def adapter(seed=1, width=8):
    """A LoRA of 16 bytes a width, another one for each seed."""
    key = "base_model.model.model.layers.0.self_attn.q_proj.lora_{}.weight"
    size = 2 * width * 4
    header = {
        "__metadata__": {"seed": str(seed)},
        key.format("A"): {"dtype": "F32", "shape": [2, width], "data_offsets": [0, size]},
        key.format("B"): {"dtype": "F32", "shape": [width, 2], "data_offsets": [size, 2 * size]},
    }
    text = json.dumps(header).encode()
    # Not the same all over, or it would be sent as one chunk.
    data = hashlib.shake_128(str(seed).encode()).digest(2 * size)
    return struct.pack("<Q", len(text)) + text + data


def raises(kind, function, *arguments, **more):
    """Return the error of this kind that the call must raise."""
    try:
        function(*arguments, **more)
    except kind as error:
        return error
    raise AssertionError(f"{function} raised no {kind}")


def content(path):
    return Path(path).read_bytes()


def sha256(path):
    return hashlib.sha256(content(path)).hexdigest()


def names(folder):
    """The files below a folder but for the client's own."""
    found = [path.relative_to(folder) for path in Path(folder).rglob("*") if path.is_file()]
    return sorted(path.as_posix() for path in found if path.parts[0] != ".cache")


def tell(**facts):
    print(json.dumps(facts))
