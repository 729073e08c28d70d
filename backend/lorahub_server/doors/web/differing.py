"""What two texts do not have in common, by words: shown where an adapter's text stands."""

import re
from difflib import SequenceMatcher
from typing import NamedTuple

_WORD = re.compile(r"\s*\S+|\s+$")
# Longer texts are shown without marks: comparing takes time that grows with the square.
_WORDS_MAX = 800


class Piece(NamedTuple):
    text: str
    differs: bool


class Differing(NamedTuple):
    """Both texts in pieces, in order; put together again they are what was given."""

    before: list[Piece]
    after: list[Piece]


def differing(before: str | None, after: str | None) -> Differing:
    """Return both texts in pieces, those marked that the other one has not in this place."""
    olds, news = _WORD.findall(before or ""), _WORD.findall(after or "")
    if not (before and after) or max(len(olds), len(news)) > _WORDS_MAX:
        return Differing([Piece(before or "", False)], [Piece(after or "", False)])
    matcher = SequenceMatcher(
        None, [one.strip() for one in olds], [one.strip() for one in news], autojunk=False
    )
    found = Differing([], [])
    for kind, i, j, k, n in matcher.get_opcodes():
        for pieces, words in ((found.before, olds[i:j]), (found.after, news[k:n])):
            _add(pieces, "".join(words), differs=kind != "equal")
    return found


def _add(pieces: list[Piece], text: str, *, differs: bool) -> None:
    """Add a text, with the space in front of it left unmarked."""
    shown = text.lstrip()
    if differs and shown and shown != text:
        pieces.append(Piece(text[: len(text) - len(shown)], False))
        text = shown
    if text:
        pieces.append(Piece(text, differs and bool(shown)))
