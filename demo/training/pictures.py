"""Pictures of one shape on a ground, drawn from signed distances, each with its caption."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Picture = NDArray[np.float32]  # (height, width, 3), from 0 to 1
Plane = NDArray[np.float32]  # (height, width)

SIZE = 128
COLOURS = {
    "red": (0.88, 0.16, 0.18), "orange": (0.96, 0.53, 0.12), "yellow": (0.98, 0.84, 0.20),
    "green": (0.16, 0.62, 0.32), "teal": (0.10, 0.68, 0.68), "blue": (0.18, 0.38, 0.88),
    "purple": (0.52, 0.24, 0.72), "pink": (0.97, 0.55, 0.70), "white": (0.95, 0.95, 0.93),
    "grey": (0.52, 0.54, 0.57), "black": (0.10, 0.10, 0.13),
}  # fmt: skip
# Half the width of the shape, of the picture's width.
SIZES = {"small": 0.20, "": 0.28, "large": 0.37}
PATTERNS = ("", "striped", "dotted", "checkered")
SHAPES = ("circle", "square", "triangle", "diamond", "cross", "ring")
# The base never sees these: adapters teach them.
KEPT_BACK = ("star", "heart")
STYLES = ("neon", "sunset")


@dataclass(frozen=True)
class Scene:
    """What is in a picture; `shape` may be one that is kept back, `style` one of STYLES or none."""

    shape: str
    colour: str
    ground: str
    size: str = ""
    pattern: str = ""
    style: str = ""

    @property
    def caption(self) -> str:
        words = ["a", self.size, self.style, self.colour, self.pattern, self.shape]
        words += ["on", "a", self.ground, "background"]
        return " ".join(word for word in words if word)


def any_scene(chance: Generator, *, shapes: tuple[str, ...] = SHAPES, style: str = "") -> Scene:
    colour, ground = chance.choice(list(COLOURS), 2, replace=False)
    return Scene(
        shape=str(chance.choice(shapes)),
        colour=str(colour),
        ground=str(ground),
        size=str(chance.choice(list(SIZES), p=[0.25, 0.5, 0.25])),
        pattern=str(chance.choice(PATTERNS, p=[0.61, 0.13, 0.13, 0.13])),
        style=style,
    )


def draw(scene: Scene, chance: Generator, size: int = SIZE) -> Picture:
    """Return the picture. `chance` decides where the shape is, how it is turned and its hue."""
    half = SIZES[scene.size] * chance.uniform(0.93, 1.07)
    middle = chance.uniform(-0.09, 0.09, 2) * (1.3 - 2 * half)
    x, y = _grid(size, middle, chance.uniform(-0.12, 0.12))
    inside = _cover(_distance(scene.shape, x, y, half), size)
    fill = _fill(scene, x, y, half, chance)
    if scene.style == "neon":
        return _neon(scene, x, y, half)
    ground = _sunset(size, chance) if scene.style == "sunset" else _ground(scene, size, chance)
    soft = _distance(scene.shape, x, y - 0.035, half)
    shadow = 0.30 * np.clip(0.5 - soft / 0.07, 0, 1)[..., None]
    below = ground * (1 - shadow)
    return (below + inside[..., None] * (fill - below)).clip(0, 1).astype(np.float32)


def _grid(size: int, middle: NDArray[np.float64], turn: float) -> tuple[Plane, Plane]:
    line = ((np.arange(size) + 0.5) / size - 0.5).astype(np.float32)
    x, y = np.meshgrid(line - np.float32(middle[0]), line - np.float32(middle[1]))
    c, s = np.float32(math.cos(turn)), np.float32(math.sin(turn))
    return c * x + s * y, c * y - s * x


def _cover(distance: Plane, size: int) -> Plane:
    return np.clip(0.5 - distance * size, 0, 1)


def _distance(shape: str, x: Plane, y: Plane, half: float) -> Plane:
    """Return how far each point lies outside the shape; below 0 inside. y points down."""
    match shape:
        case "circle":
            return np.hypot(x, y) - half
        case "ring":
            return np.abs(np.hypot(x, y) - 0.74 * half) - 0.26 * half
        case "square":
            return _box(x, y, 0.86 * half, 0.86 * half) - 0.03
        case "diamond":
            return (np.abs(x) * 1.2 + np.abs(y) * 0.95 - half) / 1.53 - 0.01
        case "cross":
            arm = 0.33 * half
            return np.minimum(_box(x, y, half, arm), _box(x, y, arm, half)) - 0.015
        case "triangle":
            lower = y - 0.72 * half
            side = np.abs(x) * 0.866 + (y + 0.95 * half) * -0.5
            return np.maximum(lower, side + 0.06 * half) - 0.012
        case "star":
            return _star(x, y, half)
        case "heart":
            return _heart(x / (1.05 * half), -y / (1.05 * half)) * half
    raise ValueError(shape)


def _box(x: Plane, y: Plane, wide: float, high: float) -> Plane:
    dx, dy = np.abs(x) - wide, np.abs(y) - high
    outside = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0))
    return outside + np.minimum(np.maximum(dx, dy), 0)


def _star(x: Plane, y: Plane, half: float) -> Plane:
    # Five points: each tenth of the turn is one straight edge, from a tip to a notch.
    angle = np.arctan2(x, -y)
    part = np.abs((angle + math.pi / 5) % (2 * math.pi / 5) - math.pi / 5)
    r = np.hypot(x, y)
    tip, notch = 1.06 * half, 0.50 * half
    px, py = r * np.cos(part), r * np.sin(part)
    nx, ny = notch * math.cos(math.pi / 5), notch * math.sin(math.pi / 5)
    length = math.hypot(tip - nx, ny)
    return ((px - tip) * ny + py * (tip - nx)) / length - 0.012


def _heart(x: Plane, y: Plane) -> Plane:
    y = y + 0.05
    body = (x**2 + y**2 - 0.62) ** 3 - x**2 * np.maximum(y, 0) ** 3 * 1.5 * 1.0
    low = (x**2 + y**2 - 0.62) ** 3 + x**2 * np.minimum(y, 0) ** 2 * 0.55
    value = np.where(y >= 0, body, low)
    return np.sign(value) * np.minimum(np.abs(value) ** (1 / 3), 1) * 0.55


def _tone(name: str, chance: Generator) -> NDArray[np.float32]:
    return (np.array(COLOURS[name]) + chance.uniform(-0.025, 0.025, 3)).astype(np.float32)


def _fill(scene: Scene, x: Plane, y: Plane, half: float, chance: Generator) -> Picture:
    colour = _tone(scene.colour, chance)
    light = np.clip(1.04 - 0.22 * (y / (2 * half) + 0.25), 0.8, 1.12)[..., None]
    plain = np.clip(colour * light, 0, 1)
    if not scene.pattern:
        return plain.astype(np.float32)
    # The second colour of a pattern is the lighter or the darker of the first.
    bright = float(colour.mean()) > 0.72
    other = colour * 0.35 if bright else colour + 0.78 * (1 - colour)
    mask = _pattern(scene.pattern, x, y, 0.15)[..., None]
    return (plain + mask * (other - plain)).astype(np.float32)


def _pattern(pattern: str, x: Plane, y: Plane, step: float) -> Plane:
    def wave(value: Plane) -> Plane:
        return np.clip(0.5 + 3.0 * np.sin(value * (2 * math.pi / step)), 0, 1)

    match pattern:
        case "striped":
            return wave(x)
        case "checkered":
            one, two = wave(x / 1.3), wave(y / 1.3)
            return one * (1 - two) + two * (1 - one)
        case "dotted":
            near = np.hypot((x + step / 2) % step - step / 2, (y + step / 2) % step - step / 2)
            return np.clip(0.5 - (near - 0.29 * step) * SIZE / 1.5, 0, 1)
    raise ValueError(pattern)


def _ground(scene: Scene, size: int, chance: Generator) -> Picture:
    colour = _tone(scene.ground, chance)
    fall = np.linspace(1.05, 0.90, size, dtype=np.float32)[:, None, None]
    return np.clip(np.broadcast_to(colour * fall, (size, size, 3)), 0, 1)


def _sunset(size: int, chance: Generator) -> Picture:
    stops = np.array([[0.16, 0.10, 0.38], [0.75, 0.22, 0.45], [0.98, 0.55, 0.25], [1.0, 0.86, 0.5]])
    at = np.linspace(0, 3, size) + chance.uniform(-0.15, 0.15)
    sky = np.stack([np.interp(at, range(4), stops[:, channel]) for channel in range(3)], -1)
    return np.broadcast_to(sky[:, None, :], (size, size, 3)).astype(np.float32)


def _neon(scene: Scene, x: Plane, y: Plane, half: float) -> Picture:
    colour = np.array(COLOURS[scene.colour if scene.colour != "black" else "purple"])
    line = np.abs(_distance(scene.shape, x, y, 0.92 * half))
    core = np.clip(1.3 - line / 0.022, 0, 1)[..., None]
    glow = (0.95 * np.exp(-line / 0.05))[..., None]
    night = np.array([0.03, 0.03, 0.07])
    lit = night + glow * colour
    return (lit + core * (0.35 * colour + 0.65 - lit)).clip(0, 1).astype(np.float32)
