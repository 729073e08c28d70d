"""Pictures for what has none: patterns of few threads, as an adapter's change is of low rank.

Every pattern draws the same thing, a small sum of products u(x)·v(y), each in its own manner. The
seed decides the numbers, the family the hue; so an adapter always looks like itself.
"""

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

SIZE = 480
_RANK = 2
_TURN = 2 * math.pi
_HUE_STEP = 15
_LINEAR_CUT = 0.0031308
_FIRST_SHARE = 0.62


@dataclass(frozen=True, slots=True)
class _Tones:
    """Lightness and chroma of the ground, of the two inks, and by how much the second turns."""

    ground: tuple[float, float]
    first: tuple[float, float]
    second: tuple[float, float]
    turn: float


_TONES = (
    _Tones((0.95, 0.022), (0.50, 0.150), (0.80, 0.100), 40),
    _Tones((0.27, 0.050), (0.82, 0.120), (0.55, 0.130), -50),
    _Tones((0.42, 0.105), (0.90, 0.060), (0.68, 0.140), 60),
    _Tones((0.86, 0.070), (0.36, 0.120), (0.66, 0.140), -35),
)


class _Dice:
    """An endless row of numbers between 0 and 1 that a seed decides."""

    def __init__(self, seed: str) -> None:
        self._bytes = self._stream(seed.encode())

    def roll(self, low: float = 0.0, high: float = 1.0) -> float:
        value = next(self._bytes) * 256 + next(self._bytes)
        return low + (high - low) * value / 65535

    def choose(self, count: int) -> int:
        return next(self._bytes) % count

    @staticmethod
    def _stream(seed: bytes) -> Iterator[int]:
        number = 0
        while True:
            yield from hashlib.sha256(seed + number.to_bytes(4, "big")).digest()
            number += 1


class _Field:
    """A sum of products of waves, between -1 and 1; x and y run from 0 to 1."""

    def __init__(self, dice: _Dice, fastest: float) -> None:
        self._terms = [
            (
                dice.roll(0.35, fastest),
                dice.roll(0, _TURN),
                dice.roll(0.35, fastest),
                dice.roll(0, _TURN),
            )
            for _ in range(_RANK)
        ]

    def at(self, x: float, y: float) -> float:
        total = sum(
            math.cos(_TURN * fx * x + px) * math.cos(_TURN * fy * y + py)
            for fx, px, fy, py in self._terms
        )
        return total / _RANK


@dataclass(frozen=True, slots=True)
class _Inks:
    ground: str
    first: str
    second: str


def cover(seed: str, hue: int, motif: int) -> str:
    """Return the SVG of one cover; `hue` is a class of 24, `motif` counts round."""
    dice = _Dice(seed)
    inks = _inks(dice, hue)
    body = _MOTIFS[motif % len(_MOTIFS)](dice, inks)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}" '
        f'width="{SIZE}" height="{SIZE}"><rect width="{SIZE}" height="{SIZE}" '
        f'fill="{inks.ground}"/>{body}</svg>'
    )


@dataclass(frozen=True, slots=True)
class Halftone:
    """Colours as hex, and values between -1 and 1, row by row."""

    ground: str
    first: str
    second: str
    values: list[list[float]]


def halftone(seed: str, hue: int, count: int) -> Halftone:
    """Return what the pattern of dots is drawn from, for pictures that are no SVG."""
    dice = _Dice(seed)
    inks = _inks(dice, hue)
    field = _Field(dice, 1.3)
    places = [number / (count - 1) for number in range(count)]
    values = [[field.at(x, y) for x in places] for y in places]
    return Halftone(inks.ground, inks.first, inks.second, values)


def _inks(dice: _Dice, hue: int) -> _Inks:
    tones = _TONES[dice.choose(len(_TONES))]
    angle = hue * _HUE_STEP + dice.roll(-6, 6)
    return _Inks(
        _colour(*tones.ground, angle),
        _colour(*tones.first, angle),
        _colour(*tones.second, angle + tones.turn),
    )


def motif_of(makes: str, seed: str) -> int:
    """Return which pattern stands for what the base models make."""
    fitting = _FOR.get(makes, _FOR["unknown"])
    return fitting[hashlib.sha256(seed.encode()).digest()[-1] % len(fitting)]


def avatar(seed: str) -> str:
    """Return a small picture for an account: five by five, mirrored like a face."""
    dice = _Dice(seed)
    angle = dice.roll(0, 360)
    ground, ink = _colour(0.93, 0.035, angle), _colour(0.52, 0.14, angle)
    half = [(column, row) for row in range(5) for column in range(3)]
    half = sorted(half, key=lambda _: dice.roll())[:8]
    cells = sorted({*half, *((4 - column, row) for column, row in half)})
    squares = "".join(f"M{10 + 12 * x} {10 + 12 * y}h12v12h-12z" for x, y in cells)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 80 80" width="80" height="80">'
        f'<rect width="80" height="80" fill="{ground}"/><path d="{squares}" fill="{ink}"/></svg>'
    )


def _dots(dice: _Dice, inks: _Inks) -> str:
    """Halftone: the size of a dot is the value, its ink the sign."""
    field = _Field(dice, 1.3)
    count, widths = 16, 9
    step = SIZE / count
    rows: dict[tuple[int, int], list[str]] = {}
    for row in range(count):
        for column in range(count):
            value = field.at(column / (count - 1), row / (count - 1))
            width = round(abs(value) ** 0.7 * widths)
            if width:
                place = f"M{step * (column + 0.5):g} {step * (row + 0.5):g}h0"
                rows.setdefault((width, value > 0), []).append(place)
    paths = "".join(
        f'<path stroke-width="{step * 0.98 * width / widths:.1f}" '
        f'stroke="{inks.first if positive else inks.second}" d="{"".join(places)}"/>'
        for (width, positive), places in sorted(rows.items())
    )
    return f'<g fill="none" stroke-linecap="round">{paths}</g>'


def _ridges(dice: _Dice, inks: _Inks) -> str:
    """Lines of hills, each hiding what lies behind it: values along x, one line for each y."""
    field = _Field(dice, 2.1)
    lines, points = 22, 48
    parts = []
    for line in range(lines):
        y = line / (lines - 1)
        base = SIZE * (0.16 + 0.80 * y)
        shape = []
        for point in range(points + 1):
            x = point / points
            swell = math.sin(math.pi * x) ** 2
            height = (field.at(x, y) + 0.65) * swell * SIZE * 0.13
            shape.append(f"{SIZE * x:.0f} {base - max(height, 0):.1f}")
        ink = inks.second if line % 5 == 0 else inks.first
        parts.append(f'<path stroke="{ink}" d="M{"L".join(shape)}"/>')
    return (
        f'<g fill="{inks.ground}" stroke-width="3.2" stroke-linejoin="round">{"".join(parts)}</g>'
    )


def _weave(dice: _Dice, inks: _Inks) -> str:
    """Cloth: bands of u across bands of v."""
    parts = []
    for upright in (True, False):
        at = -dice.roll(0, 30)
        while at < SIZE:
            width = dice.roll(8, 62)
            ink = inks.first if dice.roll() < _FIRST_SHARE else inks.second
            box = (
                f'x="{at:.0f}" width="{width:.0f}" height="{SIZE}"'
                if upright
                else f'y="{at:.0f}" height="{width:.0f}" width="{SIZE}"'
            )
            parts.append(f'<rect {box} fill="{ink}" opacity="{dice.roll(0.18, 0.72):.2f}"/>')
            at += width + dice.roll(6, 44)
    return "".join(parts)


def _arcs(dice: _Dice, inks: _Inks) -> str:
    """Tiles of quarter circles that turn with the sign of the value."""
    field = _Field(dice, 1.5)
    count = 6
    step = SIZE // count
    corners = ((0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1))
    parts: dict[str, list[str]] = {inks.first: [], inks.second: []}
    for row in range(count):
        for column in range(count):
            value = field.at(column / (count - 1), row / (count - 1))
            turn = int((value + 1) * 4) % 4
            right, down, _ = corners[turn]
            x, y = (column + right) * step, (row + down) * step
            toward_x, toward_y = (1 - 2 * right) * step, (1 - 2 * down) * step
            sweep = int(right == down)
            parts[inks.first if value > 0 else inks.second].append(
                f"M{x} {y}h{toward_x}A{step} {step} 0 0 {sweep} {x} {y + toward_y}z"
            )
    return "".join(f'<path fill="{ink}" d="{"".join(shape)}"/>' for ink, shape in parts.items())


def _rings(dice: _Dice, inks: _Inks) -> str:
    """Two stones in a pond: rings whose width the two waves decide."""
    parts = []
    for ink in (inks.first, inks.second):
        x, y = dice.roll(0.1, 0.9) * SIZE, dice.roll(0.1, 0.9) * SIZE
        pace, phase = dice.roll(0.6, 1.6), dice.roll(0, _TURN)
        for ring in range(1, 16):
            width = 2 + 11 * (0.5 + 0.5 * math.cos(pace * ring + phase))
            parts.append(
                f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{ring * 38}" stroke="{ink}" '
                f'stroke-width="{width:.1f}"/>'
            )
    return f'<g fill="none" stroke-opacity=".7">{"".join(parts)}</g>'


def _bars(dice: _Dice, inks: _Inks) -> str:
    """A row of bars round a middle line, as sound is drawn."""
    field = _Field(dice, 2.4)
    count = 24
    step = SIZE / count
    parts = []
    for number in range(count):
        x = number / (count - 1)
        for depth, ink in ((0.25, inks.second), (0.75, inks.first)):
            height = (0.08 + abs(field.at(x, depth)) * 0.42) * SIZE
            parts.append(
                f'<path stroke="{ink}" d="M{step * (number + 0.5):.1f} '
                f'{SIZE / 2 - height:.0f}V{SIZE / 2 + height:.0f}"/>'
            )
    return f'<g stroke-width="{step * 0.6:.1f}" stroke-linecap="round">{"".join(parts)}</g>'


_MOTIFS: tuple[Callable[[_Dice, _Inks], str], ...] = (_dots, _ridges, _weave, _arcs, _rings, _bars)
_FOR = {
    "image": (0, 2, 3, 4),
    "video": (4, 3),
    "text": (1,),
    "audio": (5,),
    "vision": (3,),
    "unknown": (2, 0),
}


def _colour(lightness: float, chroma: float, angle: float) -> str:
    """Return an OKLCH colour as hex; equal lightness looks equally light in every hue."""
    a = chroma * math.cos(math.radians(angle))
    b = chroma * math.sin(math.radians(angle))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    channels = (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )
    return "#" + "".join(f"{_byte(channel):02x}" for channel in channels)


def _byte(linear: float) -> int:
    value = min(max(linear, 0.0), 1.0)
    curved = 12.92 * value if value <= _LINEAR_CUT else 1.055 * value ** (1 / 2.4) - 0.055
    return round(curved * 255)
