"""The tokenizer, in CLIP's form: each word that captions use is one token, others are bytes."""

import itertools
from collections.abc import Iterable

from pictures import COLOURS, KEPT_BACK, PATTERNS, SHAPES, SIZES, STYLES
from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTokenizer

LENGTH = 24
# Words that nothing was trained on: room for what adapters will teach.
SPARE = ("glass", "pixel", "wooden", "golden", "moon", "flower", "arrow", "sketch", "pastel")
WORDS = sorted(
    {"a", "on", "background", "with", "and", "the", "of", "in", "picture", "style"}
    | {*COLOURS, *SHAPES, *KEPT_BACK, *STYLES, *SPARE}
    | {word for word in (*SIZES, *PATTERNS) if word}
)


def make_tokenizer() -> CLIPTokenizer:
    """Byte-pair merges learned on the words alone, until each is whole."""
    symbols = sorted(ByteLevel.alphabet())
    vocabulary = [*symbols, *(symbol + "</w>" for symbol in symbols)]
    spelled = {word: [*word[:-1], word[-1] + "</w>"] for word in WORDS}
    merges: list[tuple[str, str]] = []
    while any(len(parts) > 1 for parts in spelled.values()):
        pair = _commonest(spelled.values())
        merges.append(pair)
        vocabulary.append("".join(pair))
        spelled = {word: _merged(parts, pair) for word, parts in spelled.items()}
    vocabulary += ["<|startoftext|>", "<|endoftext|>"]
    numbers = {text: number for number, text in enumerate(dict.fromkeys(vocabulary))}
    return CLIPTokenizer(vocab=numbers, merges=merges, model_max_length=LENGTH)


def _commonest(spellings: Iterable[list[str]]) -> tuple[str, str]:
    counts: dict[tuple[str, str], int] = {}
    for parts in spellings:
        for pair in itertools.pairwise(parts):
            counts[pair] = counts.get(pair, 0) + 1
    return max(counts, key=lambda pair: (counts[pair], pair))


def _merged(parts: list[str], pair: tuple[str, str]) -> list[str]:
    done: list[str] = []
    for part in parts:
        if done and (done[-1], part) == pair:
            done[-1] += part
        else:
            done.append(part)
    return done
