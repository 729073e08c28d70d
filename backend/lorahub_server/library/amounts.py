"""Amounts as people write them in a search: ranges of numbers, sizes of files, spans of time.

    rank:8..64   rank:>=16   size:<50MB   updated:<30d

What is read here is written the same way again: `read_range(write_range(8, 64))` is (8, 64).
"""

import re
from collections.abc import Callable
from datetime import timedelta

_UNITS = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_UNITS |= {"k": 10**3, "m": 10**6, "g": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_SIZE = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,6}))?([a-z]*)")
_WHOLE = re.compile(r"[0-9]{1,9}")
_SPAN = re.compile(r"([0-9]{1,4})([a-z]*)")
_HOURS = {"h": 1, "d": 24, "": 24, "w": 7 * 24, "m": 30 * 24, "y": 365 * 24}
_NAMED_SPANS = {"day": "1d", "today": "1d", "week": "7d", "month": "30d", "year": "365d"}
_HOURS_A_DAY = 24
_MOST_BYTES = 2**63 - 1
_MB, _GB = 10**6, 10**9

Range = tuple[int | None, int | None]


def read_number(text: str) -> int | None:
    return int(text) if _WHOLE.fullmatch(text) else None


def read_size(text: str) -> int | None:
    """Return bytes: `50MB`, `1.5 GB`; a bare number counts megabytes."""
    found = _SIZE.fullmatch(text.replace(" ", "").casefold())
    if found is None or (found[3] and found[3] not in _UNITS):
        return None
    unit = _UNITS[found[3] or "mb"]
    digits = found[2] or ""
    part = int(digits) * unit // 10 ** len(digits) if digits else 0
    return min(int(found[1]) * unit + part, _MOST_BYTES)


def write_size(count: int) -> str:
    """Return the shortest way to write exactly so many bytes."""
    for unit, name in ((_GB, "GB"), (_MB, "MB"), (10**3, "kB")):
        if count and count % unit == 0:
            return f"{count // unit}{name}"
    return f"{count}B"


def read_range(text: str, read: Callable[[str], int | None] = read_number) -> Range | None:
    """Return the least and the most: `8..64`, `8..`, `..64`, `>=16`, `<64`, `16`.

    None: it can't be read, or nothing is in it.
    """
    text = text.replace(" ", "")
    found = _compared(text, read)
    if found is None and ".." in text:
        start, _, end = text.partition("..")
        low, high = read(start), read(end)
        if (start and low is None) or (end and high is None):
            return None
        found = (low, high)
    elif found is None:
        exact = read(text)
        found = (exact, exact)
    low, high = found
    if (low is None and high is None) or (low is not None and high is not None and low > high):
        return None
    return found


def _compared(text: str, read: Callable[[str], int | None]) -> Range | None:
    sign = next((one for one in (">=", "<=", ">", "<") if text.startswith(one)), None)
    if sign is None:
        return None
    bound = read(text.removeprefix(sign))
    if bound is None:
        return (None, None)
    # Bytes are too fine for "less than": there it means "up to".
    step = 1 if read is read_number else 0
    return {
        ">=": (bound, None),
        ">": (bound + step, None),
        "<=": (None, bound),
        "<": (None, max(bound - step, 0)),
    }[sign]


def write_range(low: int | None, high: int | None, write: Callable[[int], str] = str) -> str:
    if low is not None and low == high:
        return write(low)
    if low is not None and high is not None:
        return f"{write(low)}..{write(high)}"
    return f">={write(low)}" if low is not None else f"<={write(high or 0)}"


def read_span(text: str) -> timedelta | None:
    """Return a span of time: `30d`, `<2w`, `36h`, `week`; a bare number counts days."""
    text = text.replace(" ", "").casefold().removeprefix("<").removeprefix("=")
    found = _SPAN.fullmatch(_NAMED_SPANS.get(text, text))
    if found is None or found[2] not in _HOURS or not int(found[1]):
        return None
    return timedelta(hours=int(found[1]) * _HOURS[found[2]])


def write_span(span: timedelta) -> str:
    hours = max(span // timedelta(hours=1), 1)
    days, rest = divmod(hours, _HOURS_A_DAY)
    return f"{hours}h" if rest else f"{days}d"
