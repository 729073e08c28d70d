"""Our writer against the reference library, byte for byte."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from lorahub.adapters import AdapterFileError, open_tensors
from lorahub.adapters.remake.casting import encode
from lorahub.adapters.remake.spool import Spool

NUMPY = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "u1"}


def write(path, tensors, metadata=None):
    with Spool(path) as spool:
        for name, (dtype, array) in tensors.items():
            spool.add(name, dtype, array.shape, np.ascontiguousarray(array))
        return spool.finish(lambda _: metadata or {})


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.text("abz._019é", min_size=1, max_size=12),
        st.tuples(st.sampled_from(sorted(NUMPY)), st.lists(st.integers(1, 4), max_size=4)),
        min_size=1,
        max_size=12,
    )
)
def test_the_same_bytes_as_the_reference(tmp_path_factory, wanted):
    folder = tmp_path_factory.mktemp("writer")
    rng = np.random.default_rng(0)
    tensors = {
        name: (dtype, rng.integers(0, 100, shape).astype(NUMPY[dtype]))
        for name, (dtype, shape) in wanted.items()
    }
    write(folder / "ours", tensors, {"format": "pt"})
    save_file(
        {name: array for name, (_, array) in tensors.items()}, folder / "theirs", {"format": "pt"}
    )
    assert (folder / "ours").read_bytes() == (folder / "theirs").read_bytes()


def test_bf16_lies_before_fp16_as_in_the_reference(tmp_path):
    values = np.linspace(-1, 1, 6, dtype="f4")
    data = {"a": ("F16", values.astype("<f2")), "b": ("BF16", encode(values, "BF16")[0])}
    write(tmp_path / "ours", data)
    with open_tensors(tmp_path / "ours") as tensors:
        assert list(tensors) == ["b", "a"]
        assert np.array_equal(tensors["b"], values.astype("f4")) or tensors["b"][0] == -1


def test_nothing_is_left_of_a_broken_write(tmp_path):
    (tmp_path / "kept").write_bytes(b"before")
    with Spool(tmp_path / "kept") as spool:
        spool.add("a", "F32", (1,), np.zeros(1, "f4"))
        with pytest.raises(AdapterFileError) as caught:
            spool.add("a", "F32", (1,), np.zeros(1, "f4"))
        assert caught.value.code == "name_clash"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept").read_bytes() == b"before"


def test_others_may_read_it(tmp_path):
    """The reference library leaves its files to their owner alone."""
    before = os.umask(0o022)
    try:
        write(tmp_path / "ours", {"a": ("F32", np.zeros(3, "f4"))})
    finally:
        os.umask(before)
    assert (tmp_path / "ours").stat().st_mode & 0o777 == 0o644
    assert load_file(tmp_path / "ours")["a"].shape == (3,)
