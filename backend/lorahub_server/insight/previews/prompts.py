"""Which prompts show what an adapter does. No database here.

The same families always get the same prompts and seeds, so that adapters can be compared.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lorahub_server.insight.previews.recipe import PROMPT_MAX, SEED_MAX

# `{}` is where the trigger word goes; without one the first noun that fits stands there.
_NEUTRAL = (
    ("a portrait of a {} woman in a garden, soft light", "a portrait of a woman in a garden"),
    ("{}, a small house by a lake, mountains behind it", "a small house by a lake at dawn"),
    ("{}, a cat on a windowsill", "a cat on a windowsill"),
    ("a busy street in the rain at night, {}", "a busy street in the rain at night"),
)
# The words of the demo base's captions: demo/training/pictures.py.
_SHAPES = (
    ("a red {} on a white background", "a red circle on a white background"),
    ("a blue {} on a yellow background", "a blue square on a yellow background"),
    ("a large green {} on a white background", "a large green triangle on a white background"),
    ("a purple {} on a black background", "a purple ring on a black background"),
)
_OF_FAMILY = {"shapes": _SHAPES}
_TEXTS = (
    "Write a short poem about the sea.",
    "Explain to a child why the sky is blue.",
    "Give three tips for a good night's sleep.",
)
SEEDS = (11, 23, 37, 41, 53, 67)
SAMPLES_MIN, SAMPLES_MAX = 4, 6
TEXTS_MAX = 4
# More words than this are no trigger but a whole prompt.
_WORDS_MAX = 3


@dataclass(frozen=True, slots=True)
class Prompt:
    """`caption` tells people what is special about it, if anything is."""

    text: str
    seed: int
    negative: str | None = None
    caption: str = ""


@dataclass(frozen=True, slots=True)
class CardWords:
    """What a card says about prompts: whole examples, and the words that call the adapter."""

    examples: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()


def card_words(
    examples: Sequence[str], instance_prompt: str | None, triggers: Sequence[str]
) -> CardWords:
    """Sort what cards have in these three places: each may hold words or whole prompts."""
    found = [text.strip() for text in examples if text.strip()]
    words = [word.strip() for word in triggers if word.strip()]
    if instance_prompt and _is_prompt(instance_prompt):
        found.append(instance_prompt.strip())
        # A trainer's prompt with commas was read as a list of words too.
        parts = {part.strip().casefold() for part in instance_prompt.split(",")}
        words = [word for word in words if word.casefold() not in parts or not _is_prompt(word)]
    found += [word for word in words if _is_prompt(word)]
    kept = dict.fromkeys(text[:PROMPT_MAX] for text in found)
    return CardWords(tuple(kept), tuple(word for word in words if not _is_prompt(word)))


def for_pictures(family: str, words: CardWords) -> list[Prompt]:
    """Return the prompts of an image adapter, those of its card first."""
    examples = words.examples[: SAMPLES_MAX - 1]
    wanted = min(SAMPLES_MAX, max(SAMPLES_MIN, len(examples) + 2))
    found = [(text, "") for text in examples]
    neutral = _OF_FAMILY.get(family, _NEUTRAL)
    trigger = words.triggers[0] if words.triggers else ""
    # Where the examples have the word, they know better how it is used.
    if trigger and not any(_has_word(text, trigger) for text in examples):
        texts = [(with_word.format(trigger), "") for with_word, _ in neutral[:-1]]
        texts.append((neutral[-1][1], f"Without the word “{trigger}”"))
    else:
        texts = [(plain, "") for _, plain in neutral]
    there = {text for text, _ in found}
    found += [one for one in texts if one[0] not in there]
    return [
        Prompt(text, SEEDS[at], caption=caption)
        for at, (text, caption) in enumerate(found[:wanted])
    ]


def for_texts(words: CardWords) -> list[Prompt]:
    """Return the prompts of a language model's adapter."""
    texts = words.examples[:TEXTS_MAX] or _TEXTS
    return [Prompt(text, SEEDS[0]) for text in texts]


def of_owner(prompts: Sequence[dict[str, Any]]) -> list[Prompt]:
    """Return the owner's own prompts, as `checked` let them through."""
    return [
        Prompt(one["prompt"], SEEDS[at] if one.get("seed") is None else one["seed"],
               one.get("negative"))
        for at, one in enumerate(prompts[: len(SEEDS)])
    ]  # fmt: skip


def is_seed(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= SEED_MAX


def _is_prompt(text: str) -> bool:
    return len(text.split()) > _WORDS_MAX


def _has_word(text: str, word: str) -> bool:
    pattern = rf"(?<!\w){re.escape(word)}(?!\w)"
    return re.search(pattern, text, re.IGNORECASE) is not None
