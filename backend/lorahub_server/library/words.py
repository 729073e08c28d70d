"""Texts as words, alike on every database. No database here."""

import math
import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise

LONGEST = 100
MAX_WORDS = 4000
# Scripts that are written without spaces: each character is a word.
_UNSPACED = (
    r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
)
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
# What stands together: a name such as `neon-city`, a version, a sentence without spaces.
_RUN = re.compile(r"[\w./+-]+")
_CORRECTED = range(3, 25)
_TOP_BUCKET = 63


def of_text(text: str) -> list[str]:
    """Return the words in a text: folded, without accents, in the order in which they stand.

    Of what stands together, as `neon-city` does, each two neighbours are a word too: `neoncity`.
    """
    found = []
    for parts in _runs(text):
        found += [*parts, *_pairs(parts)]
    return [word[:LONGEST] for word in found]


def asked(text: str) -> list[str]:
    """Return the words that a search for a text asks for: `neon-city` means both as neighbours."""
    found = []
    for parts in _runs(text):
        found += _pairs(parts) or parts
    return [word[:LONGEST] for word in found]


def _runs(text: str) -> list[list[str]]:
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    plain = "".join(one for one in folded if not unicodedata.combining(one))
    return [parts for run in _RUN.findall(plain) if (parts := _WORD.findall(run))]


def _pairs(parts: list[str]) -> list[str]:
    return [one + two for one, two in pairwise(parts)]


def joined(texts: Iterable[str], most: int = MAX_WORDS) -> str:
    """Return the words of texts, each once, with a space between them."""
    found: dict[str, None] = {}
    for text in texts:
        for word in of_text(text):
            found[word] = None
            if len(found) >= most:
                return " ".join(found)
    return " ".join(found)


def bucket(downloads: int) -> int:
    """Return how popular something is, in steps of half a doubling."""
    return min(int(2 * math.log2(max(downloads, 0) + 1)), _TOP_BUCKET)


def forms(word: str) -> set[str]:
    """Return the word and what is left of it without one character: two words that differ by a
    slip of the finger share one of them. Of numbers, short and very long ones nothing.
    """
    if len(word) not in _CORRECTED or word.isdigit():
        return set()
    return {word, *(word[:at] + word[at + 1 :] for at in range(len(word)))}


def distance(one: str, two: str) -> int:
    """Return how many slips lie between words: a character too many, too few, another, or two
    that changed places.
    """
    before: list[int] = []
    last = list(range(len(two) + 1))
    for i, left in enumerate(one, 1):
        line = [i]
        for j, right in enumerate(two, 1):
            cost = min(last[j] + 1, line[j - 1] + 1, last[j - 1] + (left != right))
            if i > 1 and j > 1 and left == two[j - 2] and one[i - 2] == right:
                cost = min(cost, before[j - 2] + 1)
            line.append(cost)
        before, last = last, line
    return last[-1]
