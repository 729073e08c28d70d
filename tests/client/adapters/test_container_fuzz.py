"""Whatever our reader accepts, the reference library accepts too, and reads the same.

So whatever the library refuses, we refuse. Headers are made from pieces that parsers disagree
about, and from valid files that were damaged at places that matter.
"""

import json
import random
import struct
import time

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from lorahub.adapters import AdapterFileError, parse_header


def file(header, data):
    return struct.pack("<Q", len(header)) + header + data


def ours(content):
    try:
        return parse_header(content, len(content))
    except AdapterFileError as error:
        return error


def agrees(content):
    """Whether we accept `content`; if so the library must, with equal tensors and metadata."""
    header = ours(content)
    if isinstance(header, AdapterFileError):
        assert header.code
        assert header.message
        assert header.key is not None or header.byte is not None or header.code in SNIFFED
        return False
    read = dict(safetensors.deserialize(content))
    assert set(read) == set(header.tensors)
    for name, info in header.tensors.items():
        assert (read[name]["dtype"], read[name]["shape"]) == (info.dtype, list(info.shape))
        stored = content[header.data_start + info.begin : header.data_start + info.end]
        assert bytes(read[name]["data"]) == stored
    told = json.loads(content[8 : header.data_start]).get("__metadata__") or {}
    assert told == header.metadata
    return True


# Codes of what is no safetensors at all, by its first bytes.
SNIFFED = {
    "pickle_refused", "gguf_refused", "lfs_pointer_refused", "html_refused", "empty_file",
    "executable_refused", "not_safetensors", "archive_refused",
}  # fmt: skip

numbers = st.sampled_from(
    ["0", "1", "2", "4", "8", "16", "24", "-0", "-1", "01", "1.0", "1e1", "2E0", "18446744073709551615",
     "18446744073709551616", "9223372036854775808", "4611686018427387904", "1e400", "NaN", "null",
     "true", '"8"', "[8]", " 8 ", "8\n", "\t8", "+8", "0x8", "8_0", "\u0668"]
)  # fmt: skip
plain = st.sampled_from(["0", "1", "2", "4", "8", "16"])
dtypes = st.sampled_from(
    ['"F32"', '"F16"', '"BF16"', '"F8_E4M3"', '"F8_E5M2"', '"I64"', '"U8"', '"BOOL"', '"F64"', '"F4"',
     '"F6_E2M3"', '"F8_E8M0"', '"C64"', '"f32"', '"F128"', '"\\u004632"', '{"F32":null}', "17", "null", '""',
     '"F32\\u0000"']
)  # fmt: skip
usual = st.sampled_from(['"F32"', '"F16"', '"BF16"', '"U8"', '"I64"', '"F8_E4M3"'])
names = st.sampled_from(
    ['"a"', '"b"', '"\\u0061"', '"__metadata__"', '"\\u005f_metadata__"', '"a.b"', '""', '"\\ud83d\\ude00"',
     '"\\ud83d"', '"\\n"', '"\x7f"', '"\u00e9"', '"e\u0301"', '"\\/a"', '"a\\"', '"\\x"', "'a'", "a", '"\u202e"']
)  # fmt: skip
spaces = st.sampled_from(["", "", "", " ", "\n", "\t", "\r\n", "\u00a0", "\x0b", "/**/", "\x00"])


def listed(items):
    return st.lists(items, max_size=4).map(lambda found: f"[{','.join(found)}]")


KINDS = ["name", "space", "entry", "metadata", "comma", "end", "size", "start"]
blanks = st.sampled_from(["", "", " ", "\n", "\t", "\r\n"])


@st.composite
def fair_entry(draw, begin, gaps):
    """An entry that is right, spelled in many ways."""
    dtype = draw(usual)
    shape = draw(st.lists(st.integers(1, 3), max_size=3))
    width = {'"F32"': 4, '"F16"': 2, '"BF16"': 2, '"U8"': 1, '"I64"': 8, '"F8_E4M3"': 1}[dtype]
    size = width
    for each in shape:
        size *= each
    fields = [
        f'"dtype":{draw(gaps)}{dtype}',
        f'"shape"{draw(gaps)}:{json.dumps(shape)}',
        f'"data_offsets":[{begin}{draw(gaps)},{begin + size}]',
    ]
    return f"{{{','.join(draw(st.permutations(fields)))}}}", begin + size


@st.composite
def odd_entry(draw):
    fields = [
        f'"dtype":{draw(dtypes)}',
        f'"shape":{draw(listed(st.one_of(plain, numbers)))}',
        f'"data_offsets":{draw(listed(st.one_of(plain, numbers)))}',
        draw(st.sampled_from(['"x":1', '"dtype":"U8"', '"shape":[]', '"":[[[]]]', ""])),
    ]
    chosen = draw(st.permutations(fields))[: draw(st.integers(2, 4))]
    return f"{{{','.join(part for part in chosen if part)}}}"


told_fair = st.sampled_from(
    ['{"k":"v"}', "{}", "null", '{"k":"\\ud83d\\ude00"}', '{"":"", "\u00e9":"\\""}']
)
told_odd = st.sampled_from(
    ["[]", '{"k":1}', '{"k":null}', '{"k":"1","k":"2"}', '"x"', '{"k":"\\ud800"}', '{"k":"\t"}',
     '{"\\u0000":"v"}', '{"k":{}}', "true", "{"]
)  # fmt: skip


@st.composite
def headers(draw):
    """A right header with at most two oddities of one or two kinds."""
    odd = draw(st.sets(st.sampled_from(KINDS), max_size=2))
    gaps = spaces if "space" in odd else blanks
    members, at = [], 0
    for name in draw(st.permutations(['"a"', '"b"', '"c.d"']))[: draw(st.integers(1, 3))]:
        if "entry" in odd and draw(st.booleans()):
            entry = draw(odd_entry())
        else:
            entry, at = draw(fair_entry(at, gaps))
        spelled = draw(names) if "name" in odd else name
        members.append(f"{spelled}{draw(gaps)}:{entry}")
    if draw(st.booleans()):
        told = draw(told_odd if "metadata" in odd else told_fair)
        members.insert(draw(st.integers(0, len(members))), f'"__metadata__":{told}')
        if "metadata" in odd and draw(st.booleans()):
            members.append(f'"__metadata__":{draw(told_fair)}')
    comma = draw(st.sampled_from([",,", ";", ""])) if "comma" in odd else ","
    text = f"{draw(spaces) if 'start' in odd else ''}{{{draw(gaps)}{comma.join(members)}"
    text += (
        draw(st.sampled_from(["},", "", "}}", "]", "}{}", "}\n", "}\0"])) if "end" in odd else "}"
    )
    text += " " * draw(st.integers(0, 9))
    size = at + (draw(st.sampled_from([1, -1, 8, -8])) if "size" in odd else 0)
    return text.encode(), max(size, 0)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(headers())
def test_headers_from_pieces(made):
    text, size = made
    event("accepted" if agrees(file(text, bytes(size))) else "refused")


def samples():
    arrays = {
        "base_model.model.a.lora_A.weight": np.arange(8, dtype=np.float16).reshape(2, 4),
        "base_model.model.a.lora_B.weight": np.arange(6, dtype=np.float32).reshape(3, 2),
        "base_model.model.a.alpha": np.array(4, np.int64),
        "base_model.model.b.diff": np.ones((1, 2, 1), np.uint8),
    }
    yield safetensors.numpy.save(arrays, {"format": "pt", "k\u00e9": 'quote " and \\ back'})
    yield safetensors.numpy.save({"x": np.zeros((2,), np.float32)})


_TOKENS = [
    b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\\u0000", b"\\ud800", b" ", b"\n", b"\0", b"0",
    b"9", b"-", b".", b"e", b"null", b"true", b"[]", b"{}", b'"a":', b"\xff", b"\xc3\xa9", b"\xef\xbb\xbf",
    b'"dtype":"F16",', b'"__metadata__":{},', b"18446744073709551616", b"F32", b"BF16", b"U8",
]  # fmt: skip


def damage(content, chance):
    """One file with a few changes in its header; the length field is kept right, mostly."""
    size = int.from_bytes(content[:8], "little")
    header, data = bytearray(content[8 : 8 + size]), bytearray(content[8 + size :])
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(header) + 1)
        kind = chance.randrange(5)
        if kind == 0:
            header[at:at] = chance.choice(_TOKENS)
        elif kind == 1:
            del header[at : at + chance.randint(1, 4)]
        elif kind == 2 and at < len(header):
            header[at] = chance.randrange(256)
        elif kind == 3 and at < len(header):
            # A digit for a digit keeps the grammar and moves an offset or a size.
            digits = [i for i, byte in enumerate(header) if byte in b"0123456789"]
            header[chance.choice(digits or [at])] = chance.choice(b"0123456789")
        else:
            piece = header[at : at + chance.randint(1, 40)]
            header[at:at] = piece
        if not header:
            break
    if chance.random() < 0.1:
        data = data[: chance.randrange(len(data) + 1)]
    elif chance.random() < 0.1:
        data += bytes(chance.randint(1, 9))
    length = len(header) if chance.random() < 0.95 else chance.choice([0, len(header) - 1, 2**63])
    return struct.pack("<Q", max(length, 0)) + bytes(header) + bytes(data)


def damaged(seed, seconds=None, rounds=None):
    chance = random.Random(seed)
    start, tried, accepted = time.monotonic(), 0, 0
    whole = list(samples())
    while (rounds and tried < rounds) or (seconds and time.monotonic() - start < seconds):
        accepted += agrees(damage(chance.choice(whole), chance))
        tried += 1
    return tried, accepted


def test_the_samples_are_accepted():
    assert all(agrees(content) for content in samples())


def test_damaged_files():
    tried, accepted = damaged(1, rounds=8000)
    # Some damage leaves a valid file (a name, a number in the metadata): those count most.
    assert tried // 50 < accepted < tried // 2


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_damaged_files_for_minutes(seed):
    damaged(seed, seconds=60)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@settings(max_examples=40_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(headers())
def test_many_headers_from_pieces(made):
    text, size = made
    agrees(file(text, bytes(size)))
