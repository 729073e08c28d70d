"""The base itself: a text encoder and a denoiser, trained together on the pictures' latents."""

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from autoencoder import CHANNELS
from diffusers import AutoencoderTiny, DDIMScheduler, UNet2DConditionModel
from pictures import any_scene, draw
from progress import Progress
from torch.nn import functional
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

WIDTH = 96
_BATCH = 16


def make_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    config = CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=WIDTH, intermediate_size=3 * WIDTH,
        num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=24,
        projection_dim=WIDTH, bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    return CLIPTextModel(config)


def make_denoiser() -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=CHANNELS,
        out_channels=CHANNELS,
        block_out_channels=(56, 96, 128),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=WIDTH,
        attention_head_dim=4,
        norm_num_groups=8,
    )


def make_scheduler() -> DDIMScheduler:
    # Flat colours need noise that hides all of them at the last step (arXiv:2305.08891).
    return DDIMScheduler(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, clip_sample=False,
        set_alpha_to_one=True, steps_offset=1, prediction_type="v_prediction",
        rescale_betas_zero_snr=True, timestep_spacing="trailing",
    )  # fmt: skip


@dataclass
class Samples:
    """Latents (n, 8, 16, 16) in half precision, and their captions' tokens (n, 24)."""

    latents: torch.Tensor
    tokens: torch.Tensor


def samples(
    autoencoder: AutoencoderTiny,
    tokenizer: CLIPTokenizer,
    seed: int,
    *,
    count: int = 1000,
    **wanted: Any,
) -> Samples:
    """Draw and encode `count` pictures; `wanted` goes to `any_scene`."""
    chance = np.random.default_rng([2, seed])
    latents, tokens = [], []
    for start in range(0, count, 50):
        scenes = [any_scene(chance, **wanted) for _ in range(min(50, count - start))]
        drawn = torch.from_numpy(np.stack([draw(scene, chance) for scene in scenes]))
        with torch.no_grad():
            encoded = autoencoder.encode(drawn.permute(0, 3, 1, 2) * 2 - 1).latents
        latents.append((encoded * autoencoder.config.scaling_factor).half())
        tokens.append(tokenize(tokenizer, [scene.caption for scene in scenes]))
    return Samples(torch.cat(latents), torch.cat(tokens))


def tokenize(tokenizer: CLIPTokenizer, captions: list[str]) -> torch.Tensor:
    found = tokenizer(
        captions, padding="max_length", truncation=True, max_length=24, return_tensors="pt"
    )
    return found.input_ids


class Averaged:
    """The running mean of the weights: what is shipped, as it draws steadier pictures."""

    def __init__(self, module: torch.nn.Module, keep: float = 0.998) -> None:
        self.module, self.mean, self._keep = module, copy.deepcopy(module), keep

    def step(self) -> None:
        with torch.no_grad():
            for mean, now in zip(self.mean.parameters(), self.module.parameters(), strict=True):
                mean.lerp_(now, 1 - self._keep)

    def state_dict(self) -> dict[str, Any]:
        return self.mean.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.mean.load_state_dict(state)


def train(
    model: torch.nn.Module, scheduler: DDIMScheduler, known: Samples, empty: torch.Tensor,
    progress: Progress,
) -> torch.nn.Module:  # fmt: skip
    """Train `model.text` and `model.denoiser`; return the averaged ones. `empty`: tokens of ''."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 1.2e-3, progress.steps, pct_start=0.04
    )
    averaged = Averaged(model)
    progress.resume(model=model, averaged=averaged, optimizer=optimizer, schedule=schedule)
    for step in progress:
        chance = torch.Generator().manual_seed(3_000_000 + step)
        chosen = torch.randint(len(known.latents), (_BATCH,), generator=chance)
        tokens = known.tokens[chosen].clone()
        tokens[torch.rand(_BATCH, generator=chance) < 0.1] = empty
        loss = denoising_loss(model, scheduler, known.latents[chosen].float(), tokens, chance)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        averaged.step()
        progress.tell(loss=loss.item())
    return averaged.mean


def denoising_loss(
    model: torch.nn.Module, scheduler: DDIMScheduler, latents: torch.Tensor, tokens: torch.Tensor,
    chance: torch.Generator,
) -> torch.Tensor:  # fmt: skip
    """Mean squared error of the velocity, at times drawn more often from the noisy half."""
    noise = torch.randn(latents.shape, generator=chance)
    drawn = torch.sigmoid(torch.randn(len(latents), generator=chance) * 1.1 + 0.4)
    times = (drawn * scheduler.config.num_train_timesteps).long().clamp(0, 999)
    noisy = scheduler.add_noise(latents, noise, times)
    wanted = scheduler.get_velocity(latents, noise, times)
    words = model.text(tokens).last_hidden_state
    got = model.denoiser(noisy, times, encoder_hidden_states=words).sample
    return functional.mse_loss(got, wanted)
