"""Characters that nobody sees: controls, and those that turn the order of what is around them."""

import unicodedata

_CONTROLS = frozenset({"Cc", "Cs"})
_NON_JOINER, _JOINER = "\u200c", "\u200d"
# Format characters that are seen: signs that Arabic, Syriac and Kaithi put around numbers.
_SEEN = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2")
# The flags of England, Scotland and Wales are a black flag with tags behind it.
_FLAG = "\U0001f3f4"
_TAGS = "".join(map(chr, range(0xE0020, 0xE0080)))
_TAGS_MAX = 6
# The scripts up to here, Latin ones, never need joiners.
_LATIN_END = "\u02af"


def has_controls(text: str, allowed: str = "") -> bool:
    """Tell whether the text has control characters that are not allowed in it."""
    return any(unicodedata.category(c) in _CONTROLS for c in text if c not in allowed)


def is_deceptive(text: str, allowed: str = "") -> bool:
    """Tell whether a name or title shows as something else than it is."""
    return has_controls(text, allowed) or any(_is_hidden(text, at) for at in range(len(text)))


def shown(text: str) -> str:
    """Return a line without what is hidden in it."""
    plain = (c for at, c in enumerate(text) if not _is_hidden(text, at))
    return "".join(c for c in plain if unicodedata.category(c) not in _CONTROLS)


def _is_hidden(text: str, at: int) -> bool:
    """Tell whether the character there is one of format that neither script nor emoji needs."""
    char = text[at]
    if unicodedata.category(char) != "Cf" or char in _SEEN:
        return False
    if char in {_NON_JOINER, _JOINER}:
        return not _joins(text[at - 1 : at], text[at + 1 : at + 2])
    return char not in _TAGS or not _is_in_flag(text, at)


def _joins(before: str, after: str) -> bool:
    """Tell whether a joiner has its place there: in a word, in an emoji, or behind a virama."""
    if not before or (before <= _LATIN_END and (not after or after <= _LATIN_END)):
        return False
    kind = unicodedata.category(before)
    if kind == "Mn" and unicodedata.combining(before):
        return True
    return kind[0] in "LMS" and bool(after) and unicodedata.category(after)[0] in "LMS"


def _is_in_flag(text: str, at: int) -> bool:
    before = text[max(0, at - _TAGS_MAX) : at]
    return before.rstrip(_TAGS)[-1:] == _FLAG
