"""One pass over a file tells the same however it is cut."""

import contextlib
import hashlib
import itertools
import json
import tracemalloc
import zlib

import blake3
import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lorahub.adapters import AdapterFileError, StreamInspector, parse_header

HEAD = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_"


def sample(dtype=torch.float16):
    state = {}
    for name, n in (("attn1_to_q", 320), ("attn2_to_k", 768), ("attn2_to_v", 768)):
        state[f"{HEAD}{name}.lora_down.weight"] = torch.ones(4, n).to(dtype)
        state[f"{HEAD}{name}.lora_up.weight"] = torch.ones(320, 4).to(dtype)
        state[f"{HEAD}{name}.alpha"] = torch.tensor(2.0, dtype=torch.bfloat16)
    return state


def run(content, size=4096):
    inspector = StreamInspector(len(content))
    for at in range(0, len(content), size):
        inspector.feed(content[at : at + size])
    return inspector.finish()


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.float8_e5m2]
)
def test_broken_and_dead_modules_are_named(dtype):
    state = sample(torch.float32)
    state[f"{HEAD}attn1_to_q.lora_down.weight"][-1, -1] = float("nan")
    state[f"{HEAD}attn2_to_k.lora_up.weight"][0, 0] = float("-inf")
    state[f"{HEAD}attn2_to_v.lora_up.weight"][:] = -0.0
    state = {
        key: value if key.endswith("alpha") else value.to(dtype) for key, value in state.items()
    }
    found = run(safetensors.torch.save(state))
    assert found.health["nan_modules"] == [f"{HEAD}attn1_to_q"]
    assert found.health["inf_modules"] == [f"{HEAD}attn2_to_k"]
    assert found.health["zero_modules"] == [f"{HEAD}attn2_to_v"]
    assert found.summary.alpha == 2
    json.dumps(found.to_dict(), allow_nan=False)


def test_nan_in_e4m3_and_soundness():
    state = sample(torch.float32)
    state[f"{HEAD}attn1_to_q.lora_down.weight"][3, 3] = float("nan")
    state = {
        key: value if key.endswith("alpha") else value.to(torch.float8_e4m3fn)
        for key, value in state.items()
    }
    assert run(safetensors.torch.save(state)).health["nan_modules"] == [f"{HEAD}attn1_to_q"]
    sound = run(safetensors.torch.save(sample())).health
    assert not any(sound[f"{kind}_count"] for kind in ("nan", "inf", "zero"))


def test_hashes_are_what_other_tools_compute():
    rng = np.random.default_rng(0)
    arrays = {
        f"{HEAD}attn2_to_k.lora_down.weight": rng.random((512, 768), np.float32),
        f"{HEAD}attn2_to_k.lora_up.weight": rng.random((320, 512), np.float32),
    }
    content = safetensors.numpy.save(arrays)
    data = content[parse_header(content, len(content)).data_start :]
    window = content[0x100000 : 0x100000 + 0x10000]
    assert len(window) == 0x10000
    for size in (1000, 65_537, 10**7):
        assert run(content, size).hashes == {
            "SHA256": hashlib.sha256(content).hexdigest(),
            "AutoV1": hashlib.sha256(window).hexdigest()[:8],
            "AutoV2": hashlib.sha256(content).hexdigest()[:10],
            "AutoV3": hashlib.sha256(data).hexdigest()[:12],
            "BLAKE3": blake3.blake3(content).hexdigest(),
            "CRC32": f"{zlib.crc32(content):08x}",
        }


CONTENT = safetensors.torch.save(
    sample(torch.float32)
    | {f"{HEAD}attn1_to_q.dora_scale": torch.full((7, 1), float("nan"), dtype=torch.float64)}
)
WHOLE = run(CONTENT, len(CONTENT)).to_dict()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, len(CONTENT)), max_size=30))
def test_the_cuts_do_not_matter(cuts):
    inspector = StreamInspector(len(CONTENT))
    marks = [0, *sorted(cuts), len(CONTENT)]
    for begin, end in itertools.pairwise(marks):
        inspector.feed(memoryview(CONTENT)[begin:end])
    assert inspector.finish().to_dict() == WHOLE


@settings(deadline=None, max_examples=150)
@given(st.integers(0, len(CONTENT) - 1), st.binary(min_size=1, max_size=5), st.integers(1, 9000))
def test_damage_raises_nothing_but_our_error(at, junk, size):
    content = (CONTENT[:at] + junk + CONTENT[at + len(junk) :])[: len(CONTENT)]
    with contextlib.suppress(AdapterFileError):
        json.dumps(run(content, size).to_dict(), allow_nan=False)


def test_too_few_and_too_many_bytes():
    inspector = StreamInspector(len(CONTENT))
    inspector.feed(CONTENT[:-1])
    with pytest.raises(AdapterFileError) as caught:
        inspector.finish()
    assert caught.value.code == "truncated"
    with pytest.raises(AdapterFileError):
        inspector.feed(b"ab")
    with pytest.raises(AdapterFileError) as caught:
        StreamInspector(0).finish()
    assert caught.value.code == "empty_file"


def test_memory_stays_bounded():
    rows = 80_000
    state = {
        f"{HEAD}attn2_to_k.lora_down.weight": np.ones((256, 768), np.float16),
        f"{HEAD}attn2_to_k.lora_up.weight": np.ones((rows, 256), np.float16),
    }
    content = safetensors.numpy.save(state)
    inspector = StreamInspector(len(content))
    tracemalloc.start()
    inspector.feed(content)
    inspector.finish()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(content) > 30 * 2**20
    assert peak < 16 * 2**20
