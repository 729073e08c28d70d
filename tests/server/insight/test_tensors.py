"""The tensors of a stored file, by its header alone."""

import numpy as np
import pytest
from safetensors.numpy import save

from lorahub_server.insight import tensors
from support.inside import Inside, adapter, sha256


def stored(hub: Inside, data: bytes):
    sha = hub.upload(data)
    with hub.look() as tx:
        return tensors.tensors_of(tx, sha, len(data))


def test_names_types_and_shapes_are_those_that_were_written(inside):
    written = {
        f"base_model.model.layers.{number}.q_proj.lora_{side}.weight": np.zeros(shape, kind)
        for number in range(3)
        for side, shape, kind in (("A", (4, 16), "f4"), ("B", (16, 4), "f2"))
    }
    found = stored(inside, save(written))
    assert {one.name: one.shape for one in found} == {n: a.shape for n, a in written.items()}
    assert {one.name: one.size for one in found} == {n: a.nbytes for n, a in written.items()}
    assert {one.dtype for one in found} == {"F32", "F16"}
    assert all(one.elements == 64 for one in found)


def test_a_header_longer_than_the_first_reading(small, monkeypatch):
    monkeypatch.setattr(tensors, "_FIRST", 4096)
    text = "x" * 20_000
    data = save({"a.lora_A.weight": np.zeros((2, 8), "f4")}, {"ss_comment": text})
    (one,) = stored(small, data)
    assert (one.name, one.shape) == ("a.lora_A.weight", (2, 8))


def test_what_is_not_there_or_no_safetensors_file_has_none(small):
    with small.look() as tx:
        assert tensors.tensors_of(tx, "0" * 64, 100) is None
    data = b"\x89PNG\r\n\x1a\n" + b"\0" * 2000
    sha = small.upload(data, name="noon.png")
    with small.look() as tx:
        assert tensors.tensors_of(tx, sha, len(data)) is None
    # Kept by hash, so that it is read once.
    data = adapter(5)
    assert stored(small, data)
    small.store.delete([tensors.blob_key(sha256(data))])
    with small.look() as tx:
        assert tensors.tensors_of(tx, sha256(data), len(data))


@pytest.mark.parametrize(
    ("text", "found"),
    [("", 4), ("  ", 4), ("LORA_a", 2), ("te1 b", 1), ("te1 x", 0)],
)
def test_words_of_names(text, found):
    names = ("te1.lora_A", "te1.lora_B", "unet.lora_A", "unet.lora_B")
    listed = [tensors.Tensor(name, "F32", (1,), 1, 4) for name in names]
    assert len(tensors.holding(listed, text)) == found
