"""Adapters as people have them: written by PEFT and diffusers, and in the layout of kohya.

Made once for all test processes of a run, in about ten seconds; tests copy what they change.
"""

import fcntl
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_CARD = """---
license: apache-2.0
base_model: {base}
tags: [test, {name}]
---
# {name}

An adapter with random weights.
"""
_UNET_TARGETS = ["to_k", "to_q", "to_v", "to_out.0"]
_TEXT_TARGETS = ["k_proj", "q_proj", "v_proj", "out_proj"]
_PEFT_TARGETS = {
    "gpt2": ["c_attn"],
    "llama": ["q_proj", "v_proj"],
    "roberta": ["query", "value"],
}
RANK, ALPHA = 4, 8
KOHYA_FILE = "kohya_style.safetensors"


@dataclass(frozen=True)
class Adapters:
    """Folders, each with what its library wrote, ready to push.

    peft/gpt2, peft/llama, peft/roberta: adapter_config.json, adapter_model.safetensors, README.md
    diffusers/unet (older tensor names), diffusers/both: pytorch_lora_weights.safetensors, README.md
    kohya: KOHYA_FILE alone (the tensors of diffusers/both, with training metadata)
    """

    root: Path

    def peft(self, base: str) -> Path:
        return self.root / "peft" / base

    @property
    def unet(self) -> Path:
        """A LoRA of the UNet alone."""
        return self.root / "diffusers" / "unet"

    @property
    def both(self) -> Path:
        """A LoRA of the UNet and the text encoder."""
        return self.root / "diffusers" / "both"

    @property
    def kohya(self) -> Path:
        return self.root / "kohya" / KOHYA_FILE

    def copy(self, folder: Path, to: Path) -> Path:
        """Copy one of the folders, to be changed."""
        return Path(shutil.copytree(folder, to))


def build(shared: Path) -> Adapters:
    """Make them below `shared`, or wait for another process that is making them there."""
    pytest.importorskip("torch", reason="torch is missing: make test installs it")
    root = shared / "adapters"
    with (shared / "adapters.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            making = shared / "adapters.making"
            shutil.rmtree(making, ignore_errors=True)
            _build(making)
            making.rename(root)
    return Adapters(root)


def _build(root: Path) -> None:
    for base, targets in _PEFT_TARGETS.items():
        _peft(root / "peft" / base, base, targets)
    tensors, metadata = _diffusers(root / "diffusers")
    (root / "kohya").mkdir()
    _save(to_kohya(tensors), metadata, root / "kohya" / KOHYA_FILE)


def _peft(folder: Path, base: str, targets: list[str]) -> None:
    import torch
    from peft import LoraConfig, get_peft_model

    from support import models

    kinds = {"roberta": "SEQ_CLS"}
    config = LoraConfig(
        r=RANK,
        lora_alpha=ALPHA,
        target_modules=targets,
        task_type=kinds.get(base, "CAUSAL_LM"),
        fan_in_fan_out=base == "gpt2",
        init_lora_weights=False,  # a fresh LoRA changes nothing; a random one does
    )
    model = models.language_model(base)
    model.name_or_path = f"test/tiny-{base}"
    torch.manual_seed(30)
    get_peft_model(model, config).save_pretrained(folder)
    (folder / "README.md").write_text(_CARD.format(base=f"test/tiny-{base}", name=base))
    (folder / "adapter_model.safetensors").chmod(0o644)


def _diffusers(root: Path) -> tuple[dict[str, Any], dict[str, str]]:
    import torch
    from diffusers import StableDiffusionPipeline
    from diffusers.utils import convert_state_dict_to_diffusers
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict
    from safetensors.torch import load_file

    from support import models

    pipeline = models.stable_diffusion()
    torch.manual_seed(31)
    options: dict[str, Any] = {"r": RANK, "lora_alpha": RANK, "init_lora_weights": False}
    pipeline.unet.add_adapter(LoraConfig(target_modules=_UNET_TARGETS, **options))
    pipeline.text_encoder.add_adapter(LoraConfig(target_modules=_TEXT_TARGETS, **options))
    unet = get_peft_model_state_dict(pipeline.unet)
    text = get_peft_model_state_dict(pipeline.text_encoder)
    # Training scripts convert first, which gives the older names (lora.down for lora_A).
    older = convert_state_dict_to_diffusers(unet)
    for name, layers in {"unet": (older, None), "both": (unet, text)}.items():
        folder = root / name
        StableDiffusionPipeline.save_lora_weights(
            folder, unet_lora_layers=layers[0], text_encoder_lora_layers=layers[1]
        )
        card = _CARD.format(base="test/tiny-stable-diffusion", name=name)
        (folder / "README.md").write_text(card)
        (folder / "pytorch_lora_weights.safetensors").chmod(0o644)
    return load_file(root / "both" / "pytorch_lora_weights.safetensors"), kohya_metadata()


def to_kohya(tensors: dict[str, Any]) -> dict[str, Any]:
    """Tensors of diffusers under the names that kohya's trainer gives them, alpha included."""
    import torch

    prefixes = {
        "unet.": "lora_unet_",
        "text_encoder.text_model.": "lora_te_text_model_",
        "text_encoder.": "lora_te_text_model_",  # how transformers 5 names the same modules
    }
    roles = {"lora_A": "lora_down", "lora_B": "lora_up"}
    made: dict[str, Any] = {}
    for name, tensor in tensors.items():
        prefix = next(prefix for prefix in prefixes if name.startswith(prefix))
        module, role, _ = name.removeprefix(prefix).rsplit(".", 2)
        module = prefixes[prefix] + module.replace(".", "_")
        made[f"{module}.{roles.get(role, role)}.weight"] = tensor
        made[f"{module}.alpha"] = torch.tensor(float(RANK))
    return made


def kohya_metadata() -> dict[str, str]:
    """What the trainer notes down about a run; every value is a string."""
    return {
        "ss_network_module": "networks.lora",
        "ss_network_dim": str(RANK),
        "ss_network_alpha": str(float(RANK)),
        "ss_base_model_version": "sd_v1",
        "ss_v2": "False",
        "ss_sd_model_name": "tiny-stable-diffusion.safetensors",
        "ss_output_name": "kohya_style",
        "ss_resolution": "(512, 512)",
        "ss_num_train_images": "200",
        "ss_steps": "1000",
        "ss_epoch": "10",
        "ss_learning_rate": "0.0001",
        "ss_optimizer": "AdamW8bit",
        "ss_clip_skip": "2",
        "ss_dataset_dirs": json.dumps({"10_glasspaint style": {"n_repeats": 10, "img_count": 20}}),
        "ss_tag_frequency": json.dumps(
            {"10_glasspaint style": {"glasspaint": 20, "window": 11, "blue": 3}}
        ),
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.architecture": "stable-diffusion-v1/lora",
        "modelspec.title": "kohya_style",
    }


def _save(tensors: dict[str, Any], metadata: dict[str, str], path: Path) -> None:
    from safetensors.torch import save_file

    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(contiguous, path, metadata)
    path.chmod(0o644)  # the library writes 0600
