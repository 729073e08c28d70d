"""Pictures for chats and feeds of pages: what a page is, in large letters beside a pattern."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageDraw, ImageFont

from lorahub_server.doors.web import covers

WIDTH, HEIGHT = 1200, 630
_MARGIN = 72
# Where the pattern begins: a whole number of its dots is beside it.
_FOLD = 780
_GROUND, _INK, _MUTED = "#131316", "#eeeef0", "#a9a9b2"
_TITLE_SIZES = (76, 64, 54, 46)
_TITLE_LINES = 3
_SMALL = 30
_CELLS = 12
# The letters that the font has: Latin with its accents.
_LAST_LETTER = "\u024f"
_ELLIPSIS = "…"
_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, slots=True)
class Words:
    """What stands on a card: a line above, the title, lines below. `seed` and `hue` draw it."""

    kind: str
    title: str
    lines: Sequence[str]
    seed: str
    hue: int


def draw(words: Words) -> bytes:
    """Return a PNG of 1200 by 630 pixels. Text in other scripts than Latin is left out."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), _GROUND)
    picture.paste(_pattern(words), (_FOLD, 0))
    _text(ImageDraw.Draw(picture), words)
    out = io.BytesIO()
    picture.quantize(64).save(out, "PNG", optimize=True)
    return out.getvalue()


def _pattern(words: Words) -> Image.Image:
    """Return the halftone of a cover: the size of a dot is the value, its ink the sign."""
    found = covers.halftone(words.seed, words.hue, _CELLS)
    # Twice as large, so that its edges come out smooth.
    size = WIDTH - _FOLD, HEIGHT
    picture = Image.new("RGB", (2 * size[0], 2 * size[1]), found.ground)
    pen = ImageDraw.Draw(picture)
    step = 2 * HEIGHT / _CELLS
    for row, values in enumerate(found.values):
        for column, value in enumerate(values):
            x, y = step * (column + 0.5), step * (row + 0.5)
            reach = step / 2 * abs(value) ** 0.6
            ink = found.first if value > 0 else found.second
            pen.ellipse((x - reach, y - reach, x + reach, y + reach), fill=ink)
    return picture.resize(size, Image.Resampling.BOX)


def _text(pen: ImageDraw.ImageDraw, words: Words) -> None:
    room = _FOLD - 2 * _MARGIN
    small = _font(_SMALL)
    pen.text((_MARGIN, _MARGIN), _fitting(words.kind, small, room), font=small, fill=_MUTED)
    size, lines = _title(words.title, room)
    font, y = _font(size), _MARGIN + 2 * _SMALL
    for line in lines:
        pen.text((_MARGIN, y), line, font=font, fill=_INK)
        y += round(size * 1.18)
    y += _SMALL // 2
    for line in words.lines:
        pen.text((_MARGIN, y), _fitting(line, small, room), font=small, fill=_MUTED)
        y += round(_SMALL * 1.5)
    pen.text((_MARGIN, HEIGHT - _MARGIN - _SMALL), "LoRAHub", font=small, fill=_INK)


def _title(text: str, room: int) -> tuple[int, list[str]]:
    """Return the largest size at which a title fits, and its lines; a longer one is cut."""
    for size in _TITLE_SIZES:
        lines = _wrapped(_readable(text), _font(size), room)
        if len(lines) <= _TITLE_LINES:
            return size, lines
    last = f"{lines[_TITLE_LINES - 1]} {_ELLIPSIS}"
    kept = lines[: _TITLE_LINES - 1]
    return size, [*kept, _fitting(last, _font(size), room)]


def _wrapped(text: str, font: _Font, room: int) -> list[str]:
    lines: list[str] = []
    for word in _pieces(text, font, room):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _pieces(text: str, font: _Font, room: int) -> list[str]:
    """Return the words of a text; one that is wider than the room is broken."""
    found = []
    for whole in text.split():
        word = whole
        while font.getlength(word) > room:
            count = max(int(len(word) * room / font.getlength(word)), 1)
            while count > 1 and font.getlength(word[:count]) > room:
                count -= 1
            # Better behind a sign than within a word.
            sign = max(word.rfind(one, 1, count) for one in "/-_.") + 1
            count = sign if sign > count // 2 else count
            found.append(word[:count])
            word = word[count:]
        found.append(word)
    return found


def _fitting(text: str, font: _Font, room: int) -> str:
    shown = _readable(text)
    if font.getlength(shown) <= room:
        return shown
    while shown and font.getlength(shown + _ELLIPSIS) > room:
        shown = shown[:-1]
    return shown.rstrip() + _ELLIPSIS


def _readable(text: str) -> str:
    """Return what of a text the font has letters for."""
    kept = (letter if letter <= _LAST_LETTER else " " for letter in text[:300])
    return " ".join("".join(kept).split())


@cache
def _font(size: int) -> _Font:
    return ImageFont.load_default(size)
