"""What is refused, whatever the name says."""

import collections
import gzip
import io
import pickle
import tarfile
import zipfile

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lorahub.adapters import (
    AdapterFileError,
    is_weight_name,
    looks_like_weights,
    refuse_if_bad,
    sniff,
)


def torch_file(*, new_zip):
    buffer = io.BytesIO()
    state = {"a.lora_A.weight": torch.ones(2, 2)}
    torch.save(state, buffer, _use_new_zipfile_serialization=new_zip)
    return buffer.getvalue()


def tar_file(member):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo(member))
    return buffer.getvalue()


def zip_file(member):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(member, b"x")
    return buffer.getvalue()


STATE = {"layer.lora_A": [1.5, 2, -3], "layer.lora_B": [0.1] * 9}
SAFE = (2).to_bytes(8, "little") + b"{}"
BAD = {
    **{f"pickle {n}": (pickle.dumps(STATE, n), "pickle_refused") for n in range(6)},
    **{
        f"pickle object {n}": (
            pickle.dumps(collections.OrderedDict(STATE), n),
            "pickle_refused",
        )
        for n in range(6)
    },
    "torch zip": (torch_file(new_zip=True), "pickle_refused"),
    "torch legacy": (torch_file(new_zip=False), "pickle_refused"),
    "torch tar": (tar_file("sys_info"), "pickle_refused"),
    "tar": (tar_file("readme"), "archive_refused"),
    "zip": (zip_file("adapter.safetensors"), "archive_refused"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + b"\0" * 30, "archive_refused"),
    "gzip": (gzip.compress(b"x" * 100), "archive_refused"),
    "rar": (b"Rar!\x1a\x07\x01\x00" + b"\0" * 30, "archive_refused"),
    "gguf": (b"GGUF\x03\0\0\0" + b"\0" * 30, "gguf_refused"),
    "html": (b"\n<!DOCTYPE html><html><body>Sign in</body></html>", "html_refused"),
    "lfs": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n",
        "lfs_pointer_refused",
    ),
    "empty": (b"", "empty_file"),
    "cut": (SAFE[:5], "truncated"),
    "json": (b'{"error": "not found"}', "not_safetensors"),
    "python": (b"import os\nos.remove('x')\n", "not_safetensors"),
    "text": (b"404: not here, sorry. (No such file.)\n", "not_safetensors"),
    "picture": (b"\x89PNG\r\n\x1a\n" + b"\0" * 30, "not_safetensors"),
    "program": (b"\x7fELF" + b"\0" * 30, "executable_refused"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_content_is_refused_under_the_name_of_safetensors(what):
    content, code = BAD[what]
    with pytest.raises(AdapterFileError) as caught:
        refuse_if_bad(content[:4096], "adapter.safetensors", len(content))
    assert caught.value.code == code
    assert caught.value.hint


@pytest.mark.parametrize("name", ["a.bin", "A.PT", "x/y.pth", "m.ckpt", "m.pkl", "m.bin. "])
@pytest.mark.parametrize("content", [SAFE, b"\x01\x02\x03\x04" * 5, b"plain words"])
def test_a_pickle_name_is_refused_whatever_is_inside(name, content):
    with pytest.raises(AdapterFileError) as caught:
        refuse_if_bad(content, name, len(content))
    assert caught.value.code == "pickle_refused"


def test_safetensors_passes_and_names_are_known():
    refuse_if_bad(SAFE, "adapter.safetensors", len(SAFE))
    assert sniff(SAFE, "x") == "safetensors"
    assert is_weight_name("sub/Adapter.SafeTensors")
    assert not any(map(is_weight_name, ["README.md", "adapter_config.json", "preview.png"]))


@given(st.binary(max_size=300), st.sampled_from([b"", b"\x80\x02", b"(dp0\n", b"PK\x03\x04", b"c"]))
def test_sniffing_never_fails(data, start):
    assert sniff(start + data, "a.safetensors")


def test_a_card_is_not_taken_for_weights():
    assert not looks_like_weights(b"changelog\nrelease\n1. First.\n", "README.md")
    assert not looks_like_weights(b"\x89PNG\r\n\x1a\n\0", "preview.png")
    assert looks_like_weights(pickle.dumps(STATE, 4), "README.md")
    assert looks_like_weights(torch_file(new_zip=True), "notes.txt")
    assert looks_like_weights(b"cos\nsystem\n(S'id'\ntR.", "notes.txt")
    assert looks_like_weights(b"(S'id'\nios\nsystem\n.", "notes.txt")
