"""What the owner's forms of the previews show: prompts in rows, choices, what is wrong where."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lorahub_server.doors.web.forms import Form
from lorahub_server.insight.previews.limits import CAPTION_MAX, PICTURE_MAX, PROMPTS_MAX
from lorahub_server.insight.previews.model import MATURITIES, MILD, RENDERED, Gallery, Shown
from lorahub_server.insight.previews.prompts import is_seed
from lorahub_server.insight.previews.recipe import PROMPT_MAX
from lorahub_server.kit.errors import HubError

# Rows for more prompts; a row is taken away by emptying it.
_EMPTY_ROWS = 2
_SEED_DIGITS = 19
_PLACE = "prompts."
_RATINGS = {
    "none": "For everybody",
    "soft": "Soft",
    "mature": "Mature",
    "explicit": "Explicit",
    "unrated": "Not rated",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A prompt as it is typed."""

    number: int
    prompt: str = ""
    negative: str = ""
    seed: str = ""
    wrong: str = ""

    @property
    def is_at_seed(self) -> bool:
        """Tell whether what is wrong is the seed."""
        seed = self.wish["seed"]
        return bool(self.wrong) and seed is not None and not is_seed(seed)

    @property
    def wish(self) -> dict[str, Any]:
        """What the service is asked for; it refuses a seed that is none."""
        seed: int | None = None
        if self.seed:
            is_whole = self.seed.isascii() and self.seed.isdecimal()
            seed = int(self.seed) if is_whole and len(self.seed) <= _SEED_DIGITS else -1
        return {"prompt": self.prompt, "negative": self.negative or None, "seed": seed}


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong, in which form (`prompts`, `base`, `cover`, `upload` or a preview's id)."""

    where: str
    error: HubError
    form: Form = field(default_factory=Form)


class Editor:
    """All that the templates of the forms ask for."""

    ratings = tuple((name, _RATINGS[name]) for name in MATURITIES)
    mild = MILD
    rendered = RENDERED
    caption_max, prompt_max, prompts_max = CAPTION_MAX, PROMPT_MAX, PROMPTS_MAX
    picture_mb = PICTURE_MAX // 1024 // 1024

    def __init__(self, gallery: Gallery, fault: Fault | None = None) -> None:
        self._fault = fault
        self.gallery = gallery
        self.is_own = gallery.prompts is not None
        # A language model is told no negative prompt.
        self.is_text = bool(gallery.texts) and not gallery.samples
        self.rows = self._rows(gallery)
        self.base = self._typed("base", "base", gallery.chosen_base or "")
        self.caption = self._typed("upload", "caption", "")
        self.maturity = self._typed("upload", "maturity", "unrated")

    @property
    def groups(self) -> list[tuple[str, list[Shown]]]:
        found = self.gallery
        return [
            ("From people", found.uploaded),
            ("From the playground", found.kept),
            ("Samples", found.samples),
            ("By strength", found.sweep),
            ("Texts", found.texts),
        ]

    def wrong(self, where: str) -> str:
        """Return what is wrong with a form as a whole; empty when nothing is."""
        fault = self._fault
        if fault is None or fault.where != where or _row_of(fault) is not None:
            return ""
        return fault.error.message

    def caption_of(self, one: Shown) -> str:
        return self._typed(str(one.id), "caption", one.caption)

    def maturity_of(self, one: Shown) -> str:
        return self._typed(str(one.id), "maturity", one.maturity)

    def _typed(self, where: str, name: str, otherwise: str) -> str:
        fault = self._fault
        return fault.form.text(name, otherwise) if fault and fault.where == where else otherwise

    def _rows(self, gallery: Gallery) -> list[Row]:
        fault = self._fault
        if fault is not None and fault.where == "prompts":
            at = _row_of(fault)
            rows = rows_of(fault.form)
            wrong = fault.error.message
            found = [
                Row(number, row.prompt, row.negative, row.seed, wrong if number == at else "")
                for number, row in enumerate(rows)
            ]
        else:
            found = [
                Row(number, one["prompt"], one.get("negative") or "", _told(one.get("seed")))
                for number, one in enumerate(_prompts(gallery))
            ]
        most = min(PROMPTS_MAX, len(found) + _EMPTY_ROWS)
        return found + [Row(number) for number in range(len(found), most)]


def rows_of(form: Form) -> list[Row]:
    """Return the rows of a sent form that have a prompt."""
    rows = [
        Row(
            number,
            form.text(f"prompt-{number}").replace("\r\n", "\n").strip(),
            form.text(f"negative-{number}").replace("\r\n", "\n").strip(),
            form.line(f"seed-{number}"),
        )
        for number in range(PROMPTS_MAX)
    ]
    return [row for row in rows if row.prompt]


def _row_of(fault: Fault) -> int | None:
    place = fault.error.place or ""
    number = place.removeprefix(_PLACE)
    return int(number) if place.startswith(_PLACE) and number.isdigit() else None


def _prompts(gallery: Gallery) -> Sequence[dict[str, Any]]:
    """Return the owner's prompts, or those that the hub chose, once each."""
    if gallery.prompts is not None:
        return gallery.prompts
    used: dict[tuple[str, Any], dict[str, Any]] = {}
    for one in gallery.used:
        used.setdefault((one["prompt"], one["seed"]), one)
    return list(used.values())[:PROMPTS_MAX]


def _told(seed: int | None) -> str:
    return "" if seed is None else str(seed)
