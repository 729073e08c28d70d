"""The form that asks for access: what the card's `extra_gated_*` fields say, and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from lorahub_server.community.gates.errors import BadAnswer

Kind = Literal["text", "checkbox", "date", "select"]

FIELDS_MAX = 30
_LABEL_MAX = 200
_LINE_MAX = 300
_PROMPT_MAX = 20_000
_OPTIONS_MAX = 300
ANSWER_MAX = 1000
# The names that Hugging Face gives the kinds. A country is written, not chosen.
_KINDS: dict[str, Kind] = {
    "text": "text",
    "checkbox": "checkbox",
    "date_picker": "date",
    "country": "text",
    "select": "select",
}


@dataclass(frozen=True, slots=True)
class Field:
    label: str
    kind: Kind
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """What a person is asked. `prompt` is Markdown of the card's author."""

    heading: str = ""
    description: str = ""
    prompt: str = ""
    button: str = ""
    fields: tuple[Field, ...] = field(default=())


def of_card(front: Mapping[str, Any]) -> Form:
    """Return the form of a card; what makes no sense in it is left out."""
    return Form(
        heading=_line(front.get("extra_gated_heading")),
        description=_line(front.get("extra_gated_description")),
        prompt=_text(front.get("extra_gated_prompt"))[:_PROMPT_MAX],
        button=_line(front.get("extra_gated_button_content")),
        fields=_fields(front.get("extra_gated_fields")),
    )


def checked(form: Form, answers: Mapping[str, object]) -> dict[str, Any]:
    """Return the answers as they are kept, or raise BadAnswer for one that is missing or wrong."""
    known = {one.label for one in form.fields}
    for name in answers:
        if name not in known:
            message = "The form has no such field. Load the repository's page again."
            raise BadAnswer(message, place=name[:_LABEL_MAX])
    return {one.label: _answer(one, answers.get(one.label)) for one in form.fields}


def _answer(wanted: Field, given: object) -> str | bool:
    place = wanted.label
    if wanted.kind == "checkbox":
        if given is not True:
            raise BadAnswer("Check this box to go on.", place=place)
        return True
    text = " ".join(given.split()) if isinstance(given, str) else ""
    if not text:
        raise BadAnswer("Fill this in to go on.", place=place)
    if len(text) > ANSWER_MAX:
        raise BadAnswer(f"Write at most {ANSWER_MAX} characters.", place=place)
    if wanted.kind == "select" and text not in wanted.options:
        raise BadAnswer("Choose one of the options.", place=place)
    if wanted.kind == "date" and not _is_date(text):
        raise BadAnswer("Give a date as year-month-day.", place=place)
    return text


def _fields(value: object) -> tuple[Field, ...]:
    if not isinstance(value, Mapping):
        return ()
    found = [_field(name, kind) for name, kind in list(value.items())[:FIELDS_MAX]]
    by_label = {one.label: one for one in found if one is not None}
    return tuple(by_label.values())


def _field(name: object, value: object) -> Field | None:
    label = _line(name)[:_LABEL_MAX].rstrip()
    options: tuple[str, ...] = ()
    kind = value
    if isinstance(value, Mapping):
        kind = value.get("type")
        options = _options(value.get("options"))
    known = _KINDS.get(kind) if isinstance(kind, str) else None
    if not label or known is None or (known == "select" and not options):
        return None
    return Field(label, known, options if known == "select" else ())


def _options(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    found = []
    for item in value[:_OPTIONS_MAX]:
        given = item.get("value", item.get("label")) if isinstance(item, Mapping) else item
        text = _line(given)
        if text:
            found.append(text)
    return tuple(dict.fromkeys(found))


def _line(value: object) -> str:
    return " ".join(_text(value).split())[:_LINE_MAX].rstrip()


def _text(value: object) -> str:
    """Return a text, or a number as one, without what no database or page takes."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    text = str(value)
    return "".join(c for c in text if c != "\0" and not "\ud800" <= c <= "\udfff")


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
