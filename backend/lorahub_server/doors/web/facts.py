"""An adapter's facts as lines for people: name and value."""

from typing import Any

from lorahub_server.doors.web import words
from lorahub_server.doors.web.families import family_label

Line = tuple[str, str]

_TRAINING = {
    "steps": "Steps",
    "max_train_steps": "Steps planned",
    "epoch": "Epoch",
    "num_epochs": "Epochs planned",
    "num_train_images": "Images",
    "resolution": "Resolution",
    "learning_rate": "Learning rate",
    "unet_lr": "U-Net rate",
    "text_encoder_lr": "Text encoder rate",
    "optimizer": "Optimizer",
    "lr_scheduler": "Scheduler",
    "total_batch_size": "Batch size",
    "clip_skip": "Clip skip",
    "mixed_precision": "Precision",
    "noise_offset": "Noise offset",
    "min_snr_gamma": "Min SNR gamma",
    "seed": "Seed",
    "network_module": "Network",
    "base_model_version": "Base version",
    "sd_model_name": "Trained on",
    "modelspec.title": "Title",
    "modelspec.author": "Author",
    "modelspec.date": "Date",
}
_COUNTS = (("nan_count", "NaN"), ("inf_count", "infinity"))


def told(summary: dict[str, Any]) -> list[Line]:
    """Return what a header tells, shortly."""
    lines = [
        ("Base", family_label(summary.get("family"))),
        ("Method", words.method_label(summary.get("method"))),
        ("Layout", words.layout_label(summary.get("layout"))),
        ("Rank", str(summary.get("rank") or "")),
        ("Alpha", words.plain(summary.get("alpha"))),
        ("Precision", words.dtypes(summary.get("dtypes") or {})),
        ("Parameters", words.short(summary.get("parameters") or 0)),
        ("Tensors", f"{summary.get('tensors') or 0:,}"),
        ("Size", words.size(summary.get("size"))),
    ]
    return [(name, value) for name, value in lines if value]


def training(summary: dict[str, Any]) -> list[Line]:
    """Return what the trainer wrote down, in a fixed order."""
    facts = summary.get("training") or {}
    return [
        (label, words.plain(value) if isinstance(value, int | float) else str(value))
        for name, label in _TRAINING.items()
        if (value := facts.get(name)) not in (None, "")
    ]


def alpha(summary: dict[str, Any], health: dict[str, Any] | None) -> str:
    """Return the declared alpha, else those found in the weights."""
    if summary.get("alpha") is not None:
        return words.plain(summary["alpha"])
    found = [words.plain(value) for value in (health or {}).get("alphas", [])[:3]]
    return ", ".join(found)


def broken(health: dict[str, Any] | None) -> str:
    """Return what is wrong with the values, in words; empty when nothing is."""
    found = [
        f"{words.many(count, 'module')} with {what}"
        for name, what in _COUNTS
        if (count := (health or {}).get(name))
    ]
    return ", ".join(found)
