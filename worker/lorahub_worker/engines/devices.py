"""What a worker computes on, and what makes that repeatable."""

import importlib.metadata
import os
import platform
from functools import cache
from pathlib import Path
from typing import Any

_LIBRARIES = ("torch", "diffusers", "transformers", "peft")
_SHARE = 0.6
_CPU_INFO = Path("/proc/cpuinfo")
_NVIDIA = Path("/proc/driver/nvidia/version")
_CGROUP = Path("/sys/fs/cgroup/memory.max")


def device_name() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def expected() -> str:
    """What `label` will most likely say, told without loading torch."""
    return "cuda" if _NVIDIA.exists() else _cpu_label()


@cache
def label() -> str:
    """The device in words: "cpu AMD EPYC 7B13", "cuda NVIDIA H100"."""
    import torch

    if device_name() == "cuda":
        return f"cuda {torch.cuda.get_device_name()}"[:120]
    return _cpu_label()


@cache
def _cpu_label() -> str:
    models = [
        line.partition(":")[2].strip()
        for line in (_CPU_INFO.read_text().splitlines() if _CPU_INFO.is_file() else [])
        if line.startswith("model name")
    ]
    return f"cpu {models[0] if models else platform.processor() or platform.machine()}"[:120]


@cache
def libraries() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in _LIBRARIES}


def settle() -> None:
    """Choose what gives the same numbers each time over what is a little quicker."""
    import torch

    if device_name() == "cpu":
        if "OMP_NUM_THREADS" not in os.environ:
            # One for each core and not for each of its halves; beside other work more only wait.
            torch.set_num_threads(max(1, (os.cpu_count() or 2) // 2))
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True


def memory_limit() -> int:
    """60 % of what the device has."""
    import torch

    if device_name() == "cuda":
        return int(torch.cuda.get_device_properties(0).total_memory * _SHARE)
    most = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    bound = _CGROUP.read_text().strip() if _CGROUP.is_file() else "max"
    return int(min(most, int(bound) if bound.isdigit() else most) * _SHARE)


def is_out_of_memory(error: BaseException) -> bool:
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def free_unused() -> None:
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def synchronise() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def bytes_of(parts: Any) -> int:
    """What the weights of modules take."""
    return sum(
        tensor.numel() * tensor.element_size()
        for part in parts
        for tensor in (*part.parameters(), *part.buffers())
    )
