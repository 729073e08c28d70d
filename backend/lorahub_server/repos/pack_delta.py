"""A change from one version of a tree to the next, in git's form.

Versions of a tree differ in a few lines that lie together, so comparing both ends is enough. It
takes next to no time, however large the tree; a search for everything that they share would not.
"""

_COPY_MAX = 0xFFFF
_INSERT_MAX = 0x7F
_WORTH = 2


def delta(base: bytes, target: bytes) -> bytes | None:
    """Return the change, or None when it is not much shorter than the target."""
    shorter = min(len(base), len(target))
    start = _common(base, target, shorter)
    end = _common_end(base, target, shorter - start)
    middle = target[start : len(target) - end]
    if len(middle) * _WORTH > len(target):
        return None
    parts = [_size(len(base)), _size(len(target))]
    parts += _copies(0, start)
    parts += [
        bytes([len(piece)]) + piece
        for at in range(0, len(middle), _INSERT_MAX)
        if (piece := middle[at : at + _INSERT_MAX])
    ]
    parts += _copies(len(base) - end, end)
    return b"".join(parts)


def sizes_of(change: bytes) -> tuple[int, int]:
    """Return how long base and target of a change are; raises IndexError when it is cut off."""
    base, at = _read_size(change, 0)
    target, _ = _read_size(change, at)
    return base, target


def _common(one: bytes, other: bytes, most: int) -> int:
    """Return how long the beginning is that both share, by halving."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _common_end(one: bytes, other: bytes, most: int) -> int:
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if one[len(one) - middle : len(one) - low] == other[len(other) - middle : len(other) - low]:
            low = middle
        else:
            high = middle - 1
    return low


def _size(value: int) -> bytes:
    made = bytearray()
    while value >> 7:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)


def _read_size(change: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = change[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
    raise IndexError(at)


def _copies(start: int, length: int) -> list[bytes]:
    made = []
    while length:
        step = min(length, _COPY_MAX)
        made.append(_copy(start, step))
        start += step
        length -= step
    return made


def _copy(start: int, length: int) -> bytes:
    command, values = 0x80, bytearray()
    numbers = start.to_bytes(4, "little") + length.to_bytes(2, "little")
    for bit, value in enumerate(numbers):
        if value:
            command |= 1 << bit
            values.append(value)
    return bytes([command]) + bytes(values)
