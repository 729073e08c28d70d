"""Files that must be refused, each with the code it is refused with.

Those that a hub gets to see: made to look like adapters, broken on the way, or not weights at all.
The last ones are bombs: small requests to a reader that allocates what a header promises.
"""

import io
import json
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

_KEY = "base_model.model.model.layers.0.self_attn.q_proj.lora_{}.weight"
_HEADER_LIMIT = 8 * 1024 * 1024


@dataclass(frozen=True)
class BadInput:
    """`make` gives the bytes; they are built late because some are large."""

    what: str
    make: Callable[[], bytes]
    code: str
    filename: str = "adapter_model.safetensors"

    def __str__(self) -> str:
        return self.what.replace(" ", "-")


def container(header: object, data: bytes = b"", *, length: int | None = None) -> bytes:
    """A safetensors file as asked for, right or wrong. Bytes as `header` are taken as they are."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(
    begin: int = 0, end: int = 64, shape: tuple[int, ...] = (4, 4), dtype: str = "F32"
) -> dict[str, object]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


def good() -> bytes:
    """The smallest file that is accepted: a LoRA of one module."""
    header = {_KEY.format("A"): tensor(), _KEY.format("B"): tensor(64, 128)}
    return container(header, bytes(128))


def _one(name: str = _KEY.format("A"), **fields: object) -> dict[str, object]:
    return {name: {**tensor(), **fields}}


def _torch_zip() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"a": 1}, 2))
        archive.writestr("archive/data/0", bytes(64))
        archive.writestr("archive/version", "3\n")
    return made.getvalue()


def _plain_zip() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("adapter.safetensors", good())
    return made.getvalue()


def _checkpoint() -> bytes:
    names = [f"model.diffusion_model.input_blocks.{n}.0.weight" for n in range(4)]
    header = {name: tensor(64 * n, 64 * n + 64) for n, name in enumerate(names)}
    return container(header, bytes(256))


def _many_tensors() -> bytes:
    width = 300_000
    parts = [
        f'"{n:x}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'.encode() for n in range(width)
    ]
    return container(b"{" + b",".join(parts) + b"}")


def _twice(name: str = _KEY.format("A")) -> bytes:
    entry = json.dumps(tensor())
    return container(f'{{"{name}":{entry},"{name}":{entry}}}'.encode(), bytes(64))


_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 9\n"
_PICKLE = pickle.dumps(OrderedDict({"layer.lora_A": [1.5, 2.0]}), 2)


def _case(what: str, content: bytes, code: str, filename: str = "") -> BadInput:
    return BadInput(what, lambda: content, code, filename or BadInput.filename)


NOT_SAFETENSORS = [
    _case("empty", b"", "empty_file"),
    _case("seven bytes", bytes(7), "truncated"),
    _case("pickle", _PICKLE, "pickle_refused", "adapter_model.bin"),
    _case("pickle named safetensors", _PICKLE, "pickle_refused"),
    _case("old pickle", pickle.dumps({"a": [1, 2]}, 0), "pickle_refused"),
    _case("torch file", _torch_zip(), "pickle_refused", "lora.pt"),
    _case("torch file named ckpt", _torch_zip(), "pickle_refused", "lora.ckpt"),
    _case("torch file named safetensors", _torch_zip(), "pickle_refused"),
    _case("safetensors named bin", good(), "pickle_refused", "adapter_model.bin"),
    _case("zip", _plain_zip(), "archive_refused"),
    _case("gguf", b"GGUF" + bytes(60), "gguf_refused"),
    _case("web page", b"<!DOCTYPE html><html>login</html>", "html_refused"),
    _case("lfs pointer", _POINTER, "lfs_pointer_refused"),
    _case("program", b"\x7fELF" + bytes(60), "executable_refused"),
    _case("json", b'{"a": 1}', "not_safetensors"),
]
BROKEN = [
    _case("cut in the data", good()[:-1], "truncated"),
    _case("cut in the header", good()[:20], "truncated"),
    _case("trailing bytes", good() + b"x", "trailing_bytes"),
    _case("header over the limit", container(b"{", length=_HEADER_LIMIT + 1), "header_too_large"),
    _case("header is a list", container(b"{[]"), "header_invalid"),
    _case("no tensors", container({}), "no_tensors"),
    _case("bad UTF-8", container(b'{"\xff":' + json.dumps(tensor()).encode() + b"}"), "bad_utf8"),
    _case("duplicate tensor", _twice(), "duplicate_key"),
    _case("unknown dtype", container(_one(dtype="f32"), bytes(64)), "bad_dtype"),
    _case("float in the shape", container(_one(shape=[4.0, 4]), bytes(64)), "bad_shape"),
    _case("unknown field", container(_one(x=1), bytes(64)), "unknown_field"),
    _case("hole", container({"a": tensor(64, 128)}, bytes(128)), "offset_gap"),
    _case("overlap", container({"a": tensor(), "b": tensor(32, 96)}, bytes(96)), "offset_overlap"),
    _case("wrong size", container(_one(shape=[4, 5]), bytes(64)), "size_mismatch"),
    _case("product overflow", container(_one(shape=[2**31 - 1] * 8), bytes(64)), "size_mismatch"),
    _case("control in a name", container(_one("a\nb"), bytes(64)), "bad_name"),
    _case("right-to-left name", container(_one("a\u202eb"), bytes(64)), "bad_name"),
    _case(
        "metadata number",
        container({"__metadata__": {"k": 1}, **_one()}, bytes(64)),
        "metadata_not_string",
    ),
    _case("deep nesting", container(b'{"a":' + b"[" * 50_000), "header_invalid"),
]
NOT_ADAPTERS = [
    BadInput("whole checkpoint", _checkpoint, "not_an_adapter"),
    _case("stranger", container({"stranger": tensor()}, bytes(64)), "not_an_adapter"),
]
BOMBS = [
    BadInput("many tensors", _many_tensors, "header_too_large"),
    BadInput(
        "long unknown field",
        lambda: container(b'{"a":{"x":[' + b"1," * 3_000_000 + b"1]}}"),
        "unknown_field",
    ),
    BadInput(
        "long shape",
        lambda: container(b'{"a":{"dtype":"F32","shape":[' + b"1," * 3_000_000 + b"1]}}"),
        "bad_shape",
    ),
    _case("length of 2^64-1", b"\xff" * 8 + b"{}" + bytes(64), "header_too_large"),
]
ALL = [*NOT_SAFETENSORS, *BROKEN, *NOT_ADAPTERS, *BOMBS]
