"""The words by which people ask for a layout, a dtype, a rank; checked without NumPy."""

import re

from lorahub.adapters.errors import AdapterFileError

LAYOUTS = ("kohya", "diffusers", "peft", "comfyui")
MAX_RANK = 1024
_FAMILY = re.compile(r"[a-z0-9][a-z0-9.-]{0,39}")

# What people call a dtype -> what the container calls it.
DTYPES = {
    "fp64": "F64", "float64": "F64", "fp32": "F32", "float32": "F32", "fp16": "F16",
    "float16": "F16", "bf16": "BF16", "bfloat16": "BF16", "fp8": "F8_E4M3", "fp8_e4m3": "F8_E4M3",
    "fp8_e4m3fn": "F8_E4M3", "fp8_e5m2": "F8_E5M2",
}  # fmt: skip
FLOATS = frozenset(DTYPES.values())
# The first spelling of each is the one that recipes use.
SPELLED = {code: name for name, code in reversed(DTYPES.items())} | {"F8_E4M3": "fp8_e4m3"}


def dtype_code(name: str) -> str:
    """The container's name of a dtype, from either spelling. Raises AdapterFileError."""
    code = DTYPES.get(name.lower(), name.upper())
    if code not in FLOATS:
        raise AdapterFileError(
            "unknown_dtype",
            f"{name[:40]!r} is no dtype that weights can be written in.",
            hint="Use fp16, bf16, fp32, fp8_e4m3 or fp8_e5m2.",
            key="dtype",
        )
    return code


def check_layout(layout: str) -> None:
    if layout not in LAYOUTS:
        raise AdapterFileError(
            "unknown_layout",
            f"{layout[:40]!r} is no layout that can be written.",
            hint=f"Take {', '.join(LAYOUTS)}.",
            key="layout",
        )


def check_family(family: str) -> None:
    """Whether it is spelled as families are; which there are is found out with the weights."""
    if not _FAMILY.fullmatch(family):
        raise AdapterFileError(
            "unknown_family",
            f"{family[:40]!r} is no family of base models.",
            hint="Take one that `lorahub inspect` names, such as sdxl.",
            key="family",
        )


def check_amount(rank: int | None, energy: float | None) -> None:
    """Whether there is a rank or an energy, and each is a sensible number."""
    if rank is None and energy is None:
        raise AdapterFileError(
            "no_amount", "Neither a rank nor an energy was given.", hint="Give one of them."
        )
    if rank is not None and not 1 <= rank <= MAX_RANK:
        raise AdapterFileError(
            "bad_rank",
            f"The rank {rank} is not between 1 and {MAX_RANK}.",
            hint="Give another.",
            key="rank",
        )
    if energy is not None and not 0 < energy <= 1:
        raise AdapterFileError(
            "bad_energy",
            f"The energy {energy} is no share between 0 and 1.",
            hint="Write 0.95 for 95 percent.",
            key="energy",
        )
