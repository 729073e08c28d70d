"""Tiny base models of the demo's own shape with random weights, and adapters that change them much.

    base = tiny_base.image_base(shared_dir)   # a folder that diffusers loads, family "shapes"
    file = tiny_base.adapter(base, tmp_path / "a.safetensors", layout="kohya", seed=1)

A picture of 64 px in 4 steps takes a moment. The same seed gives the same change in every layout.
"""

import fcntl
import importlib
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from lorahub.adapters import read_header

FAMILY = "shapes"
TEXT_FAMILY = "llama"
RANK = 4
# What tests draw with: as quick as it gets.
QUICK: dict[str, Any] = {"width": 64, "height": 64, "steps": 4, "guidance": 3.0}
_TRAINING = Path(__file__).parents[2] / "demo" / "training"
_UNET = ("to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2")
_CLIP = ("q_proj", "k_proj", "v_proj", "out_proj")
_LLAMA = ("q_proj", "v_proj", "o_proj")


def image_base(shared: Path) -> Path:
    """A StableDiffusionPipeline of the demo's shape, made once for all test processes of a run."""
    return _once(shared, "tiny-image-base", _make_image_base)


def text_base(shared: Path) -> Path:
    """A Llama with a token for each letter, and a chat template."""
    return _once(shared, "tiny-text-base", _make_text_base)


def digest(base: Path) -> str:
    """What `lorahub_worker.bases.digest` says of the folder."""
    from lorahub_worker.bases import digest as of

    return of(base)


def adapter(
    base: Path,
    path: Path,
    *,
    layout: str = "diffusers",
    seed: int = 1,
    rank: int = RANK,
    strength: float = 1.0,
    text: bool = False,
    only: str = "",
    alpha: float | None = None,
) -> Path:
    """Write an adapter of the image base and return its file.

    layout: kohya, diffusers, peft (then `path` is a folder). `text`: the text encoder too (not in
    PEFT's layout). `only`: keep modules with this in their name. `alpha` is what kohya and PEFT
    write down; the change stays that of `strength`.
    """
    alpha = float(rank) if alpha is None else alpha
    modules = {
        ("unet", name): factors
        for name, factors in _factors(base / "unet", _UNET, seed, rank, strength, only)
    }
    if text:
        modules |= {
            ("text_encoder", name): factors
            for name, factors in _factors(base / "text_encoder", _CLIP, seed, rank, strength, only)
        }
    if layout == "peft":
        return peft(path, {name: pair for (_, name), pair in modules.items()}, rank, alpha)
    tensors: dict[str, Any] = {}
    for (part, name), (down, up) in modules.items():
        if layout == "diffusers":
            tensors[f"{part}.{name}.lora_A.weight"] = down
            tensors[f"{part}.{name}.lora_B.weight"] = up
            continue
        head = "lora_unet_" if part == "unet" else "lora_te_"
        if part == "text_encoder" and not name.startswith("text_model."):
            head += "text_model_"
        key = head + name.replace(".", "_")
        tensors[f"{key}.lora_down.weight"] = down
        tensors[f"{key}.lora_up.weight"] = up * np.float32(rank / alpha)
        tensors[f"{key}.alpha"] = np.asarray(alpha, "f4")
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, {"format": "pt"})
    path.chmod(0o644)
    return path


def text_adapter(base: Path, folder: Path, *, seed: int = 1, rank: int = RANK) -> Path:
    """A PEFT folder for the text base; returns the weights, whose configuration lies beside."""
    return peft(folder, dict(_factors(base, _LLAMA, seed, rank, 1.5, "")), rank, 2.0 * rank)


def peft(folder: Path, modules: dict[str, Any], rank: int, alpha: float, **config: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Any] = {}
    for name, (down, up) in modules.items():
        tensors[f"base_model.model.{name}.lora_A.weight"] = down
        tensors[f"base_model.model.{name}.lora_B.weight"] = up * np.float32(rank / alpha)
    file = folder / "adapter_model.safetensors"
    save_file(tensors, file, {"format": "pt"})
    file.chmod(0o644)
    ends = sorted({".".join(name.split(".")[-2:]) for name in modules})
    fields = {"peft_type": "LORA", "r": rank, "lora_alpha": alpha, "target_modules": ends}
    (folder / "adapter_config.json").write_text(json.dumps(fields | config))
    return file


def _factors(
    part: Path, ends: tuple[str, ...], seed: int, rank: int, strength: float, only: str
) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """(module, (down, up)): the change is about as large as the weights themselves."""
    file = next(part.glob("*.safetensors"))
    with file.open("rb") as opened:
        header = read_header(opened, file.stat().st_size)
    rng = np.random.default_rng(seed)
    for key in sorted(header.tensors):
        name = key.removesuffix(".weight")
        shape = header.tensors[key].shape
        if key == name or len(shape) != 2 or only not in name or not name.endswith(ends):
            continue
        down = rng.standard_normal((rank, shape[1])) / np.sqrt(shape[1])
        up = rng.standard_normal((shape[0], rank)) * strength / np.sqrt(rank)
        yield name, (down.astype("f4"), up.astype("f4"))


def _once(shared: Path, name: str, make: Callable[[Path], None]) -> Path:
    folder = shared / name
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            making = shared / f"{name}.making"
            shutil.rmtree(making, ignore_errors=True)
            make(making)
            making.rename(folder)
    return folder


@contextmanager
def _training() -> Iterator[tuple[Any, Any, Any]]:
    """The demo's own (base, text, autoencoder), whose names are too plain to be left about."""
    names = ("base", "text", "autoencoder", "pictures", "progress")
    before = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    sys.path.insert(0, str(_TRAINING))
    try:
        yield tuple(importlib.import_module(name) for name in names[:3])
    finally:
        sys.path.remove(str(_TRAINING))
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(before)


def _make_image_base(folder: Path) -> None:
    import torch
    from diffusers import StableDiffusionPipeline

    with _training() as (base, text, autoencoder):
        torch.manual_seed(40)
        tokenizer = text.make_tokenizer()
        coder = autoencoder.make_autoencoder()
        # Random decoders draw grey: this one has contrast, so that changes are seen.
        with torch.no_grad():
            coder.decoder.layers[-1].weight *= 12
        pipeline = StableDiffusionPipeline(
            vae=coder,
            text_encoder=base.make_text_encoder(tokenizer),
            tokenizer=tokenizer,
            unet=base.make_denoiser(),
            scheduler=base.make_scheduler(),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
    pipeline.save_pretrained(folder)


def _make_text_base(folder: Path) -> None:
    import torch
    from tokenizers import Tokenizer, decoders, models
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = ["<pad>", "<s>", "</s>", "<unk>", "\n", *map(chr, range(32, 127))]
    inner = Tokenizer(models.BPE({word: n for n, word in enumerate(words)}, [], unk_token="<unk>"))
    inner.decoder = decoders.Fuse()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", bos_token="<s>", eos_token="</s>",
        unk_token="<unk>",
    )  # fmt: skip
    tokenizer.chat_template = (
        "{% for m in messages %}<s>{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
        "{% if add_generation_prompt %}assistant: {% endif %}"
    )
    torch.manual_seed(41)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(words), hidden_size=64, intermediate_size=128, num_hidden_layers=2,
            num_attention_heads=4, num_key_value_heads=2, pad_token_id=0, bos_token_id=1,
            eos_token_id=2, max_position_embeddings=1024, tie_word_embeddings=False,
        )
    )  # fmt: skip
    with torch.no_grad():  # so that it does not stop at once, and prefers some letters
        model.lm_head.weight *= 20
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
