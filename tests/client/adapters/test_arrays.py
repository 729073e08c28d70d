"""Numbers out of files: every dtype against torch, views where nothing has to be converted."""

import mmap

import numpy as np
import pytest
import safetensors.torch
import torch

from lorahub.adapters import AdapterFileError, load_tensors, open_tensors, parse_header
from lorahub.adapters.writing import encode_header

DTYPES = [
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn,
    torch.float8_e5m2, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
]  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_value_is_the_one_torch_reads(tmp_path, dtype):
    wide = torch.arange(256, dtype=torch.uint8)
    if dtype.itemsize == 1:
        bits = wide if dtype != torch.bool else wide[:2]
    else:
        bits = torch.randint(0, 256, (512 * dtype.itemsize,), dtype=torch.uint8)
    values = bits.view(dtype) if dtype != torch.bool else bits.bool()
    path = tmp_path / "x.safetensors"
    safetensors.torch.save_file({"a": values.reshape(2, -1), "b": torch.ones(3, 1)}, path)
    with open_tensors(path) as tensors:
        found = tensors["a"]
        assert found.shape == (2, values.numel() // 2)
        assert np.array_equal(
            found.astype(np.float64).ravel(), values.double().numpy(), equal_nan=True
        )
        assert np.array_equal(tensors.f32("a").ravel(), values.float().numpy(), equal_nan=True)
        assert bytes(tensors.raw("a")) == bits.numpy().tobytes()
        assert list(tensors) == list(tensors.header.tensors)
        del found


def test_native_numbers_are_views_and_read_only(tmp_path):
    path = tmp_path / "x.safetensors"
    safetensors.torch.save_file(
        {"a": torch.ones(4, 4, dtype=torch.float16), "b": torch.ones(2, 2)}, path
    )
    tensors = open_tensors(path)
    view = tensors["a"]
    assert not view.flags.owndata
    assert not view.flags.writeable
    single = tensors.f32("b")
    assert not single.flags.owndata
    assert tensors.f32("b", copy=True).flags.owndata
    # Closing while arrays are about must not crash whoever holds them.
    tensors.close()
    tensors.close()
    assert float(view.sum()) == 16
    with pytest.raises(ValueError, match="released"):
        tensors["b"]


def test_scalars():
    content = safetensors.torch.save(
        {
            "a.alpha": torch.tensor(4.0, dtype=torch.bfloat16),
            "b.alpha": torch.tensor([2]),
            "c": torch.ones(2),
        }
    )
    tensors = load_tensors(content)
    assert (tensors.scalar("a.alpha"), tensors.scalar("b.alpha")) == (4.0, 2.0)
    with pytest.raises(AdapterFileError) as caught:
        tensors.scalar("c")
    assert (caught.value.code, caught.value.key) == ("bad_alpha", "c")


def test_a_broken_file_is_refused_and_not_mapped(tmp_path, monkeypatch):
    path = tmp_path / "x.safetensors"
    path.write_bytes(safetensors.torch.save({"a": torch.ones(4)})[:-1])
    monkeypatch.setattr(mmap, "mmap", None)
    with pytest.raises(AdapterFileError) as caught:
        open_tensors(path)
    assert caught.value.code == "truncated"


def test_a_header_is_written_as_it_was_read():
    content = safetensors.torch.save(
        {"a": torch.ones(3), "b\u00e9": torch.ones(2, 2)}, {"k": 'v "\u2028'}
    )
    header = parse_header(content, len(content))
    written = encode_header(header.tensors, header.metadata)
    assert len(written) % 8 == 0
    again = written + content[header.data_start :]
    assert parse_header(again, len(again)).tensors == header.tensors
    assert safetensors.torch.load(again)["b\u00e9"].shape == (2, 2)
