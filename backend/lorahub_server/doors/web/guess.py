"""What a form about a new adapter is filled with before a person has typed anything."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from lorahub.adapters.metadata import clean_text
from lorahub_server.kit import names
from lorahub_server.library.card import Card, is_model_id, split_heading
from lorahub_server.library.derive import prettified

# What libraries call every file; it says nothing about this one.
_GENERIC = frozenset(
    {"adapter_model", "pytorch_lora_weights", "model", "lora", "adapter", "diffusion_pytorch_model"}
)
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
_PLAIN_NAME = re.compile(r"[A-Za-z][\w.-]{3,}")
# What trainers put behind the name of a model: the ending of its file, the kind of adapter.
_AFTER_NAMES = re.compile(
    r"\.(?:safetensors|ckpt)$|/(?:lora|lycoris|lokr|loha|dora)$", re.IGNORECASE
)
_SAYS_NOTHING = _GENERIC | {"base", "checkpoint", "unet", "transformer", "none", "unknown"}
_RUNS = re.compile(r"([._-])[._-]*")
_TITLE_MAX = 120
_LAST = re.compile(r"[-_ ]?(?:0{3,}\d+|last|final)$", re.IGNORECASE)


@dataclass(slots=True)
class Wish:
    """What the form about an adapter holds."""

    title: str = ""
    owner: str = ""
    name: str = ""
    license: str = ""
    words: str = ""
    base_model: str = ""
    tags: str = ""
    description: str = ""
    private: bool = False


def wish_of(file_name: str, summary: Mapping[str, Any], card: Card | None) -> Wish:
    """Return what the file's name, its header and a card that came with it suggest."""
    training = summary.get("training") or {}
    stem = _stem(file_name, training)
    title = _text(training.get("modelspec.title")) or (prettified(stem) if stem else "")
    words = list(summary.get("trigger_words") or [])
    wish = Wish(
        title=title[:_TITLE_MAX],
        name=repo_name(stem),
        words=", ".join(words[:5]),
        base_model=_model_name(_text(summary.get("base_model_hint"))),
    )
    if card is not None:
        wish.title = (card.title or wish.title)[:_TITLE_MAX]
        wish.license = card.license or ""
        wish.words = ", ".join(card.trigger_words) or wish.words
        wish.base_model = next(iter(card.base_models), wish.base_model)
        wish.tags = ", ".join(card.tags)
        wish.description = body_without_title(card)
    return wish


def repo_name(text: str) -> str:
    """Return a name that the grammar of names allows and that is close to the text, or ""."""
    name = _RUNS.sub(r"\1", _NOT_IN_NAMES.sub("-", text)).strip("._-")[: names.REPO_MAX]
    name = name.strip("._-")
    try:
        return names.check_repo_name(name)
    except names.InvalidName:
        return ""


def body_without_title(card: Card) -> str:
    """Return a card's text without the heading that is shown as its title."""
    return split_heading(card.body)[1].strip()


def _stem(file_name: str, training: Mapping[str, Any]) -> str:
    stem = PurePosixPath(file_name).stem
    if stem.casefold() in _GENERIC:
        stem = _text(training.get("output_name"))
    return "" if stem.casefold() in _GENERIC else _LAST.sub("", stem) or stem


def _model_name(text: str) -> str:
    """Return the id or plain name of a model that trainers wrote down, or ""."""
    name = _AFTER_NAMES.sub("", text)
    if name == text and is_model_id(name):
        return name
    # Of a file in a folder only the file's own name says something.
    name = name.rpartition("/")[2]
    says = name.casefold() not in _SAYS_NOTHING and _PLAIN_NAME.fullmatch(name)
    return name if says else ""


def _text(value: object) -> str:
    return clean_text(value, 200) if isinstance(value, str) else ""
