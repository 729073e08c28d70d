"""The container rules: what is accepted reads the same in the reference library."""

import io
import json
import struct

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lorahub.adapters import AdapterFileError, parse_header, read_header


def build(header, data=b"", pad=b""):
    text = (header if isinstance(header, bytes) else json.dumps(header).encode()) + pad
    return struct.pack("<Q", len(text)) + text + data


def tensor(begin=0, end=16, shape=(2, 2), dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


def parse(content):
    return parse_header(content, len(content))


GOOD = build({"a": tensor(), "__metadata__": {"k": "v"}}, bytes(16))
ONE = json.dumps(tensor())
REFUSED = {
    "cut data": (GOOD[:-1], "truncated"),
    "cut header": (GOOD[:20], "truncated"),
    "trailing bytes": (GOOD + b"x", "trailing_bytes"),
    "empty header": (bytes(8) + b"{}", "header_invalid"),
    "huge header": (struct.pack("<Q", 2**63) + b"\x01" * 50, "header_too_large"),
    "header above our limit": (struct.pack("<Q", 9 * 2**20) + b"{" * 50, "header_too_large"),
    "leading space": (
        build(b" " + json.dumps({"a": tensor()}).encode(), bytes(16)),
        "header_invalid",
    ),
    "NUL padding": (build({"a": tensor()}, bytes(16), b"\0\0"), "header_invalid"),
    "second value": (build({"a": tensor()}, bytes(16), b"{}"), "header_invalid"),
    "no tensors": (build({}), "no_tensors"),
    "list": (build(b"{[]"), "header_invalid"),
    "duplicate tensor": (build(f'{{"a":{ONE},"a":{ONE}}}'.encode(), bytes(16)), "duplicate_key"),
    "duplicate escaped": (
        build(f'{{"a":{ONE},"\\u0061":{ONE}}}'.encode(), bytes(16)),
        "duplicate_key",
    ),
    "duplicate metadata": (
        build(f'{{"__metadata__":{{"k":"1","k":"2"}},"a":{ONE}}}'.encode(), bytes(16)),
        "duplicate_key",
    ),
    "metadata number": (
        build({"__metadata__": {"k": 1}, "a": tensor()}, bytes(16)),
        "metadata_not_string",
    ),
    "metadata list": (build({"__metadata__": [], "a": tensor()}, bytes(16)), "header_invalid"),
    "metadata NUL": (
        build({"__metadata__": {"k": "\0"}, "a": tensor()}, bytes(16)),
        "bad_metadata",
    ),
    "unknown field": (build({"a": {**tensor(), "x": 1}}, bytes(16)), "unknown_field"),
    "missing field": (build({"a": {"dtype": "F32", "shape": []}}), "missing_field"),
    "unknown dtype": (build({"a": tensor(dtype="f32")}, bytes(16)), "bad_dtype"),
    "gap": (build({"a": tensor(16, 32)}, bytes(32)), "offset_gap"),
    "overlap": (build({"a": tensor(), "b": tensor(8, 24)}, bytes(24)), "offset_overlap"),
    "same range": (build({"a": tensor(), "b": tensor()}, bytes(16)), "offset_overlap"),
    "wrong size": (build({"a": tensor(shape=(2, 3))}, bytes(16)), "size_mismatch"),
    "backwards": (build({"a": tensor(16, 0)}, bytes(16)), "bad_offsets"),
    "overflow": (build({"a": tensor(shape=(2**31 - 1,) * 8)}, bytes(16)), "size_mismatch"),
    "too many dims": (build({"a": tensor(shape=(1,) * 9)}, bytes(16)), "bad_shape"),
    "huge dim": (build({"a": tensor(shape=(2**62,))}, bytes(16)), "bad_shape"),
    "zero dim": (build({"a": tensor(0, 0, (0, 4))}), "empty_tensor"),
    "control in name": (build({"a\nb": tensor()}, bytes(16)), "bad_name"),
    "direction override": (build({"a\u202eb": tensor()}, bytes(16)), "bad_name"),
    "long name": (build({"a" * 500: tensor()}, bytes(16)), "bad_name"),
    "lone surrogate": (build(f'{{"\\ud800":{ONE}}}'.encode(), bytes(16)), "header_invalid"),
    "bad UTF-8": (build(b'{"\xff":' + ONE.encode() + b"}", bytes(16)), "bad_utf8"),
    "deep nesting": (build(b'{"a":' + b"[" * 100_000), "header_invalid"),
    "deep objects": (build(b'{"a":' * 100_000), "unknown_field"),
    "too many": (
        build({str(i): tensor(i, i + 1, (1,), "U8") for i in range(20_001)}, bytes(20_001)),
        "too_many_tensors",
    ),
    "metadata keys": (
        build({"__metadata__": {str(i): "" for i in range(600)}, "a": tensor()}, bytes(16)),
        "metadata_too_large",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what):
    content, code = REFUSED[what]
    with pytest.raises(AdapterFileError) as caught:
        parse(content)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "1e1", "-0", "-1", "01", "1.0", "9" * 5000, '"1"', "null", "[]"]
)
def test_only_plain_integers_are_sizes(number):
    header = f'{{"a":{{"dtype":"U8","shape":[{number}],"data_offsets":[0,1]}}}}'.encode()
    with pytest.raises(AdapterFileError) as caught:
        parse(build(header, b"\0"))
    assert caught.value.code == "bad_shape"
    assert caught.value.key == "a"


def test_spaces_order_null_metadata_and_escapes_are_fine():
    text = b'{\n"__metadata__":null, "a" : {"shape":[ 2,2 ] ,"data_offsets":[0, 16],"dtype":"F\\u003332"} }'
    text = text.replace(b"F\\u003332", b"F\\u00332")
    header = parse(build(text, bytes(16), b"    "))
    assert header.tensors["a"] == ("F32", (2, 2), 0, 16)
    assert header.metadata == {}
    assert read_header(io.BytesIO(GOOD), len(GOOD)).metadata == {"k": "v"}


names = st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1, max_size=20)
dtypes = st.sampled_from([np.float16, np.float32, np.float64, np.int64, np.uint8])
shapes = st.lists(st.integers(1, 5), max_size=5).map(tuple)


@settings(deadline=None)
@given(
    st.dictionaries(
        names.filter(lambda n: n != "__metadata__"),
        st.tuples(dtypes, shapes),
        min_size=1,
        max_size=8,
    ),
    st.dictionaries(
        st.text(st.characters(categories=["L"]), max_size=9),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30),
        max_size=4,
    ),
)
def test_what_the_library_writes_is_read_back(wanted, metadata):
    arrays = {name: np.zeros(shape, dtype) for name, (dtype, shape) in wanted.items()}
    header = parse(safetensors.numpy.save(arrays, metadata))
    assert {name: info.shape for name, info in header.tensors.items()} == {
        name: array.shape for name, array in arrays.items()
    }
    assert header.metadata == metadata


SAMPLE = safetensors.numpy.save(
    {f"m.{i}.lora_A.weight": np.ones((2, 3), np.float16) for i in range(3)}, {"a": "b\u00e9"}
)


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.integers(0, len(SAMPLE) - 1), st.integers(0, 255)), min_size=1, max_size=4
    ),
    st.integers(0, 6),
)
def test_damage_is_refused_or_read_as_the_library_reads_it(changes, cut):
    content = bytearray(SAMPLE)
    for at, value in changes:
        content[at] = value
    content = bytes(content[: len(content) - cut])
    try:
        header = parse(content)
    except AdapterFileError:
        return
    reference = dict(safetensors.deserialize(content))
    assert {name: list(info.shape) for name, info in header.tensors.items()} == {
        name: entry["shape"] for name, entry in reference.items()
    }
