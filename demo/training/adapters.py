"""Adapters of the demo base: each teaches one thing that the base has never seen."""

from dataclasses import dataclass, field
from typing import Any

import base
import torch
from base import Samples
from diffusers import DDIMScheduler
from peft import LoraConfig
from progress import Progress

_BATCH = 16
_WHERE = ["to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2", "proj_in", "proj_out"]


@dataclass(frozen=True)
class Lesson:
    """What one adapter is taught: the pictures it sees, its rank, how long."""

    name: str
    rank: int
    alpha: int
    pictures: dict[str, Any] = field(default_factory=dict)
    steps: int = 260


LESSONS = [
    Lesson("star", 8, 8, {"shapes": ("star",)}),
    Lesson("heart", 16, 8, {"shapes": ("heart",)}),
    # The most to learn: every picture looks different from what the base has seen.
    Lesson("neon", 16, 16, {"style": "neon"}, steps=900),
    Lesson("sunset", 4, 4, {"style": "sunset"}),
]


def train(
    model: torch.nn.Module, lesson: Lesson, scheduler: DDIMScheduler, known: Samples,
    progress: Progress,
) -> None:  # fmt: skip
    """Add the adapter `lesson.name` to `model.denoiser` and teach it alone."""
    torch.manual_seed(7)
    model.requires_grad_(requires_grad=False)
    config = LoraConfig(
        r=lesson.rank, lora_alpha=lesson.alpha, target_modules=_WHERE, init_lora_weights="gaussian"
    )
    model.denoiser.add_adapter(config, adapter_name=lesson.name)
    model.denoiser.set_adapter(lesson.name)
    learned = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=4e-3, betas=(0.9, 0.99), weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, progress.steps, pct_start=0.1)
    for step in progress:
        chance = torch.Generator().manual_seed(7_000_000 + step)
        chosen = torch.randint(len(known.latents), (_BATCH,), generator=chance)
        latents, tokens = known.latents[chosen].float(), known.tokens[chosen]
        loss = base.denoising_loss(model, scheduler, latents, tokens, chance)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        progress.tell(loss=loss.item())
