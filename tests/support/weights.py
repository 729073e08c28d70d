"""Adapters made of numbers alone: any layout, any method, any size, from NumPy."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
import safetensors.torch
import torch

Arrays = dict[str, Any]

TORCH_DTYPES = {
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "F64": torch.float64,
}


def save(path: Path, arrays: Mapping[str, Any], metadata: dict[str, str] | None = None) -> Path:
    path.write_bytes(packed(arrays, metadata))
    return path


def packed(
    arrays: Mapping[str, Any], metadata: dict[str, str] | None = None, dtype: str = ""
) -> bytes:
    """The bytes of a file. With a dtype all floats are cast to it, alpha aside."""
    if not dtype:
        whole = {name: np.array(array, order="C") for name, array in arrays.items()}
        return safetensors.numpy.save(whole, metadata)
    tensors = {name: torch.from_numpy(np.array(a, order="C")) for name, a in arrays.items()}
    cast = {
        name: tensor if name.endswith("alpha") else tensor.to(TORCH_DTYPES[dtype])
        for name, tensor in tensors.items()
    }
    return safetensors.torch.save(cast, metadata)


def sdxl_shapes() -> Iterator[tuple[str, int, int]]:
    """(kohya's name, inputs, outputs) of the 986 modules that kohya trains in SDXL."""
    for block, width, depth in (
        ("input_blocks_4_1", 640, 2), ("input_blocks_5_1", 640, 2),
        ("input_blocks_7_1", 1280, 10), ("input_blocks_8_1", 1280, 10),
        ("middle_block_1", 1280, 10),
        ("output_blocks_0_1", 1280, 10), ("output_blocks_1_1", 1280, 10),
        ("output_blocks_2_1", 1280, 10),
        ("output_blocks_3_1", 640, 2), ("output_blocks_4_1", 640, 2),
        ("output_blocks_5_1", 640, 2),
    ):  # fmt: skip
        yield from _sdxl_block(f"lora_unet_{block}", width, depth)
    for encoder, width, layers in (("1", 768, 12), ("2", 1280, 32)):
        for layer in range(layers):
            head = f"lora_te{encoder}_text_model_encoder_layers_{layer}"
            for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
                yield f"{head}_self_attn_{part}", width, width
            yield f"{head}_mlp_fc1", width, 4 * width
            yield f"{head}_mlp_fc2", 4 * width, width


def _sdxl_block(head: str, width: int, depth: int) -> Iterator[tuple[str, int, int]]:
    yield f"{head}_proj_in", width, width
    yield f"{head}_proj_out", width, width
    for index in range(depth):
        inner = f"{head}_transformer_blocks_{index}"
        for attention, context in (("attn1", width), ("attn2", 2048)):
            yield f"{inner}_{attention}_to_q", width, width
            yield f"{inner}_{attention}_to_k", context, width
            yield f"{inner}_{attention}_to_v", context, width
            yield f"{inner}_{attention}_to_out_0", width, width
        yield f"{inner}_ff_net_0_proj", width, 8 * width
        yield f"{inner}_ff_net_2", 4 * width, width


def kohya(
    shapes: Any, rank: int, rng: np.random.Generator, *, alpha: float | None = None
) -> Arrays:
    """Random float32 factors for modules of these names and shapes."""
    made: Arrays = {}
    for name, inputs, outputs in shapes:
        made[f"{name}.lora_down.weight"] = rng.standard_normal((rank, inputs), np.float32) * 0.1
        made[f"{name}.lora_up.weight"] = rng.standard_normal((outputs, rank), np.float32) * 0.01
        made[f"{name}.alpha"] = np.array(rank if alpha is None else alpha, np.float32)
    return made
