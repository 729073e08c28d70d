"""Trains the demo base, then its adapters. Goes on where it was stopped.

    python demo/training/train.py WORK-FOLDER

Draws its own data and fixes its seeds. WORK-FOLDER keeps checkpoints and the log; what is to be
shipped is written to its folder `shipped`. About two hours on two cores.
"""

import sys
from pathlib import Path

import adapters
import autoencoder
import base
import torch
from diffusers import StableDiffusionPipeline
from peft.utils import get_peft_model_state_dict
from progress import Progress
from text import make_tokenizer
from transformers import CLIPTokenizer

_AUTOENCODER_STEPS = 3000
_BASE_STEPS = 9000
_DECODER_STEPS = 3000
_SHARDS = 24
_LESSON_SAMPLES = 1500


def trained_autoencoder(work: Path) -> autoencoder.AutoencoderTiny:
    torch.manual_seed(1)
    model = autoencoder.make_autoencoder()
    autoencoder.train(model, Progress("autoencoder", _AUTOENCODER_STEPS, work))
    # So that latents spread as noise does.
    spread = base.samples(model, make_tokenizer(), 999, count=300).latents.float().std()
    model.register_to_config(scaling_factor=round(float(1 / spread), 4))
    return model


def latents(
    work: Path, model: autoencoder.AutoencoderTiny, tokenizer: CLIPTokenizer
) -> base.Samples:
    """All pictures the base is trained on, drawn and encoded once."""
    kept = work / "samples.pt"
    if not kept.exists():
        shards = [base.samples(model, tokenizer, shard) for shard in range(_SHARDS)]
        parts = {
            name: torch.cat([getattr(s, name) for s in shards]) for name in ("latents", "tokens")
        }
        torch.save(parts, kept)
    return base.Samples(**torch.load(kept, weights_only=True))


def trained_base(
    work: Path, coder: autoencoder.AutoencoderTiny, tokenizer: CLIPTokenizer
) -> torch.nn.ModuleDict:
    torch.manual_seed(2)
    model = torch.nn.ModuleDict(
        {"text": base.make_text_encoder(tokenizer), "denoiser": base.make_denoiser()}
    )
    empty = base.tokenize(tokenizer, [""])[0]
    return base.train(
        model, base.make_scheduler(), latents(work, coder, tokenizer), empty,
        Progress("base", _BASE_STEPS, work),
    )  # fmt: skip


def save_base(
    folder: Path, model: torch.nn.ModuleDict, coder: autoencoder.AutoencoderTiny,
    tokenizer: CLIPTokenizer,
) -> None:  # fmt: skip
    pipeline = StableDiffusionPipeline(
        vae=coder, text_encoder=model.text, tokenizer=tokenizer, unet=model.denoiser,
        scheduler=base.make_scheduler(), safety_checker=None, feature_extractor=None,
        requires_safety_checker=False,
    )  # fmt: skip
    pipeline.to(torch.float16).save_pretrained(folder)
    pipeline.to(torch.float32)


def save_adapter(folder: Path, model: torch.nn.ModuleDict, lesson: adapters.Lesson) -> None:
    learned = get_peft_model_state_dict(model.denoiser, adapter_name=lesson.name)
    found = {name: weight.half() for name, weight in learned.items()}
    StableDiffusionPipeline.save_lora_weights(
        folder,
        unet_lora_layers=found,
        unet_lora_adapter_metadata=model.denoiser.peft_config[lesson.name].to_dict(),
    )
    # safetensors writes files for their owner alone.
    for file in folder.iterdir():
        file.chmod(0o644)


def main() -> None:
    work = Path(sys.argv[1])
    work.mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer()
    coder = trained_autoencoder(work)
    model = trained_base(work, coder, tokenizer)
    autoencoder.sharpen(coder, Progress("decoder", _DECODER_STEPS, work))
    save_base(work / "shipped" / "base", model, coder, tokenizer)
    for lesson in adapters.LESSONS:
        known = base.samples(coder, tokenizer, 500, count=_LESSON_SAMPLES, **lesson.pictures)
        progress = Progress(lesson.name, lesson.steps, work)
        adapters.train(model, lesson, base.make_scheduler(), known, progress)
        save_adapter(work / "shipped" / lesson.name, model, lesson)
        model.denoiser.delete_adapters(lesson.name)


if __name__ == "__main__":
    main()
