"""The autoencoder: 128 pixels to 16 x 16 cells of 8 numbers and back.

TAESD's form: convolutions alone, so it learns from pieces of pictures, which is quicker.
"""

import numpy as np
import torch
from diffusers import AutoencoderTiny
from pictures import KEPT_BACK, SHAPES, STYLES, any_scene, draw
from progress import Progress
from torch.nn import functional

CHANNELS = 8
_PIECE = 64
_BATCH = 16


def make_autoencoder() -> AutoencoderTiny:
    # No blocks at full size: they cost most and edges come out as sharp without.
    return AutoencoderTiny(
        latent_channels=CHANNELS,
        encoder_block_out_channels=(32, 32, 32, 32),
        decoder_block_out_channels=(32, 32, 32, 32),
        num_encoder_blocks=(0, 1, 2, 2),
        num_decoder_blocks=(2, 2, 2, 1),
        scaling_factor=1.0,
    )


def pieces(chance: np.random.Generator) -> torch.Tensor:
    """Return a batch of pieces of pictures in -1..1, (n, 3, 64, 64); all that is ever drawn."""
    made = []
    for _ in range(_BATCH):
        style = str(chance.choice(["", "", "", *STYLES]))
        picture = draw(any_scene(chance, shapes=(*SHAPES, *KEPT_BACK), style=style), chance)
        top, left = chance.integers(0, picture.shape[0] - _PIECE + 1, 2)
        piece = picture[top : top + _PIECE, left : left + _PIECE]
        made.append(piece[:, ::-1] if chance.random() < 0.5 else piece)
    return torch.from_numpy(np.stack(made)).permute(0, 3, 1, 2).contiguous() * 2 - 1


def train(model: AutoencoderTiny, progress: Progress) -> None:
    _train(model, progress, list(model.parameters()), rate=2.5e-3)


def sharpen(model: AutoencoderTiny, progress: Progress) -> None:
    """Train the decoder alone: what pictures are encoded to stays as it is."""
    _train(model, progress, list(model.decoder.parameters()), rate=1e-3)


def _train(
    model: AutoencoderTiny, progress: Progress, learned: list[torch.nn.Parameter], *, rate: float
) -> None:
    model.requires_grad_(requires_grad=False)
    for weight in learned:
        weight.requires_grad_(requires_grad=True)
    optimizer = torch.optim.AdamW(learned, lr=rate, betas=(0.9, 0.99), weight_decay=0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, progress.steps, pct_start=0.05)
    progress.resume(model=model, optimizer=optimizer, schedule=schedule)
    model.train()
    for step in progress:
        target = pieces(np.random.default_rng([1, step]))
        latents = model.encode(target).latents
        got = model.decode(latents).sample
        loss = _loss(got, target) + 0.002 * latents.square().mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()
        schedule.step()
        progress.tell(loss=loss.item(), error=(got - target).abs().mean().item())
    model.eval()
    model.requires_grad_(requires_grad=False)


def _loss(got: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    edges = sum(functional.l1_loss(got.diff(dim=side), target.diff(dim=side)) for side in (-1, -2))
    return functional.l1_loss(got, target) + 0.5 * functional.mse_loss(got, target) + edges
