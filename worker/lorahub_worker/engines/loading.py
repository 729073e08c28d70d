"""Loading a base from this machine: safetensors alone, no code but that of the libraries."""

import json
from pathlib import Path
from typing import Any

from lorahub_worker.engines.spec import BaseRefused, BaseSpec

_LIBRARIES = frozenset({"diffusers", "transformers"})
_SINGLE_FILES = {
    "sd1": "StableDiffusionPipeline",
    "sd2": "StableDiffusionPipeline",
    "sdxl": "StableDiffusionXLPipeline",
    "sd3": "StableDiffusion3Pipeline",
    "sd3.5-medium": "StableDiffusion3Pipeline",
    "sd3.5-large": "StableDiffusion3Pipeline",
    "flux1": "FluxPipeline",
}
_DTYPES = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
# Trained for float16; newer models overflow in it.
_HALF_FAMILIES = ("sd1", "sd2", "sdxl", "shapes")
_INDEX = "model_index.json"


def dtype_of(spec: BaseSpec, device: str) -> Any:
    import torch

    name = spec.dtype
    if name == "auto":
        half = "fp16" if spec.family in _HALF_FAMILIES else "bf16"
        name = "fp32" if device == "cpu" else half
    if name not in _DTYPES:
        raise BaseRefused("unknown_dtype", f"{name[:20]!r} is none of auto, fp32, fp16, bf16.")
    return getattr(torch, _DTYPES[name])


def size_on_disk(spec: BaseSpec) -> int:
    """Bytes of the weights, which tell about what memory they will take."""
    if spec.path.is_file():
        return spec.path.stat().st_size
    return sum(file.stat().st_size for file in spec.path.rglob("*.safetensors"))


def pipeline(spec: BaseSpec, dtype: Any) -> Any:
    """A diffusers pipeline on the CPU. Raises BaseRefused."""
    quiet()
    if spec.path.is_file():
        return _of_file(spec, dtype)
    kind, given = _checked_index(spec.path)
    return _loaded(kind, spec.path, dtype=dtype, **given)


def language_model(spec: BaseSpec, dtype: Any) -> tuple[Any, Any]:
    """A causal language model on the CPU, and its tokenizer. Raises BaseRefused."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    quiet()
    _need_safetensors(spec.path)
    options = {"local_files_only": True, "trust_remote_code": False}
    model = _loaded(AutoModelForCausalLM, spec.path, dtype=dtype, **options)
    tokenizer = _loaded(AutoTokenizer, spec.path, safe=False, **options)
    tokenizer.padding_side = "left"
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return model, tokenizer


def quiet() -> None:
    """The libraries' bars and advice are for people at a terminal."""
    import diffusers
    import transformers

    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()


def _checked_index(folder: Path) -> tuple[Any, dict[str, Any]]:
    """The pipeline's class, and what to pass for parts that are left out."""
    import diffusers

    try:
        index = json.loads((folder / _INDEX).read_bytes())
    except (OSError, ValueError) as error:
        raise BaseRefused(
            "no_pipeline", f"{folder} is no pipeline: its {_INDEX} can't be read."
        ) from error
    _need_safetensors(folder)
    name = index.get("_class_name")
    kind = getattr(diffusers, name, None) if isinstance(name, str) else None
    if not (isinstance(kind, type) and issubclass(kind, diffusers.DiffusionPipeline)):
        raise BaseRefused("strange_class", f"diffusers has no pipeline {str(name)[:80]!r}.")
    given: dict[str, Any] = {}
    for part, entry in index.items():
        if part.startswith("_") or not isinstance(entry, list):
            continue
        if part == "safety_checker":
            given |= {"safety_checker": None, "requires_safety_checker": False}
        elif entry[0] is not None and entry[0] not in _LIBRARIES:
            raise BaseRefused(
                "strange_class",
                f"The part {part!r} is of {str(entry[0])[:80]!r}; only classes of diffusers and "
                "transformers are loaded.",
            )
    return kind, given


def _need_safetensors(folder: Path) -> None:
    if not any(folder.rglob("*.safetensors")):
        raise BaseRefused(
            "no_safetensors",
            f"{folder} holds no safetensors files. Pickled weights are never loaded: convert them.",
        )


def _of_file(spec: BaseSpec, dtype: Any) -> Any:
    import diffusers

    if spec.path.suffix != ".safetensors":
        raise BaseRefused("no_safetensors", f"{spec.path.name} is no safetensors file.")
    name = _SINGLE_FILES.get(spec.family)
    if name is None:
        raise BaseRefused(
            "no_single_file", f"A base of {spec.family} must be a folder that diffusers wrote."
        )
    options: dict[str, Any] = {"dtype": dtype, "local_files_only": True}
    beside = spec.path.with_suffix("")
    if (beside / _INDEX).is_file():
        options["config"] = str(beside)
    kind = getattr(diffusers, name)
    try:
        return kind.from_single_file(str(spec.path), **options)
    except (OSError, ValueError) as error:
        raise BaseRefused(
            "base_not_loaded",
            f"{spec.path.name} was not loaded. Put the folder of the model's configuration beside "
            f"it as {beside.name}/, or use the folder that diffusers wrote.",
        ) from error


def _loaded(kind: Any, path: Path, *, safe: bool = True, **options: Any) -> Any:
    if safe:
        options |= {"use_safetensors": True, "local_files_only": True}
    try:
        return kind.from_pretrained(str(path), **options)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BaseRefused(
            "base_not_loaded",
            f"The base at {path.name} was not loaded ({type(error).__name__}): is the folder "
            "complete?",
        ) from error
