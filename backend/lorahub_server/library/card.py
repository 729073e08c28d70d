"""The card: README.md, with the vocabulary that Hugging Face cards use."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from lorahub.adapters.metadata import clean_text
from lorahub_server.kit.markdown import plain_blocks
from lorahub_server.library import frontmatter
from lorahub_server.library.errors import InvalidCard

NAME = "README.md"
MAX_BYTES = 1024 * 1024
TITLE_MAX = 200
SUMMARY_MAX = 300
TAG_MAX = 64
_MAX_TAGS = 50
_MAX_BASES = 20
_MAX_WORDS = 30
_MAX_WORD = 100
_MAX_WIDGETS = 100
# What the templates of libraries leave when nobody fills them in.
_PLACEHOLDERS = (
    "model card for model id", "[more information needed]", "{{", "bibtex:", "apa:",
    "users (both direct and downstream) should be made aware",
    "use the code below to get started", "carbon emissions can be estimated using",
)  # fmt: skip
_HEADING = re.compile(r"\A\s*#[ \t]+([^\n]*?)[ \t]*#*[ \t]*(?:\n|\Z)")
_MODEL_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_RELATIONS = frozenset({"adapter", "finetune", "merge", "quantized"})


@dataclass(frozen=True, slots=True)
class Widget:
    """An example: a prompt and what came of it, a path in the repository or an address."""

    text: str
    image: str | None


@dataclass(slots=True)
class Card:
    """A card, read with patience: what can't be understood is left out and named in `problems`."""

    front: dict[str, Any] = field(default_factory=dict)
    body: str = ""
    title: str | None = None
    summary: str = ""
    license: str | None = None
    license_name: str | None = None
    license_link: str | None = None
    base_models: list[str] = field(default_factory=list)
    base_model_relation: str | None = None
    tags: list[str] = field(default_factory=list)
    trigger_words: list[str] = field(default_factory=list)
    instance_prompt: str | None = None
    pipeline_tag: str | None = None
    library_name: str | None = None
    languages: list[str] = field(default_factory=list)
    widget: list[Widget] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def parse(data: bytes) -> Card:
    """Read a card; never raises for what is in it."""
    text = data[:MAX_BYTES].decode("utf-8", "replace").replace("\r\n", "\n").replace("\0", "\ufffd")
    parts = frontmatter.split(text)
    card = Card(body=parts.body)
    if frontmatter.is_unclosed(text):
        card.problems.append("The front matter has no line `---` at its end, so it is ignored.")
    if parts.front is not None:
        try:
            card.front = frontmatter.load(parts.front, parts.line)
        except InvalidCard as error:
            card.problems.append(error.message)
    _read_front(card)
    _read_body(card)
    return card


def check(data: bytes) -> None:
    """Raise InvalidCard for a card whose front matter nobody can read."""
    if len(data) > MAX_BYTES:
        raise InvalidCard(f"The card is larger than {MAX_BYTES // 1024} KiB. Shorten it.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidCard(
            f"The card is not UTF-8 text (line {line}). Save it as UTF-8.", place=f"line {line}"
        ) from error
    if frontmatter.is_unclosed(text):
        raise InvalidCard(
            "The card's front matter has no end. Put a line `---` below it.", place="line 1"
        )
    parts = frontmatter.split(text)
    if parts.front is not None:
        frontmatter.load(parts.front, parts.line)


def compose(front: dict[str, Any], body: str) -> bytes:
    """Return a new card; entries that are empty are left out."""
    kept = {key: value for key, value in front.items() if value not in (None, "", [])}
    return frontmatter.join(frontmatter.dump(kept), _tidy(body)).encode()


def edit(data: bytes, changes: dict[str, Any], *, body: str | None = None) -> bytes:
    """Return the card with front matter keys replaced (None or empty removes one).

    Raises InvalidCard when what is there can't be read. Unchanged parts stay as they are.
    """
    check(data)
    text = data.decode("utf-8")
    parts = frontmatter.split(text)
    wanted = {key: None if value in ("", []) else value for key, value in changes.items()}
    front = frontmatter.change(parts.front or "", wanted)
    new_body = parts.body if body is None else _tidy(body)
    if parts.front is None and not new_body.startswith("\n"):
        new_body = f"\n{new_body}" if front.strip() else new_body
    return frontmatter.join(front, new_body).encode()


def normalised_tags(values: Iterable[Any]) -> list[str]:
    """Return tags in lower case, each once, within limits."""
    found: dict[str, None] = {}
    for value in values:
        tag = clean_text(_text(value).casefold(), TAG_MAX)
        if tag:
            found[tag] = None
        if len(found) >= _MAX_TAGS:
            break
    return list(found)


def split_words(value: Any) -> list[str]:
    """Return trigger words from a text with commas or a list, each once."""
    found: dict[str, str] = {}
    for item in value if isinstance(value, list) else [value]:
        for part in _text(item).replace("\n", ",").split(","):
            word = clean_text(part, _MAX_WORD).strip()
            if word:
                found.setdefault(word.casefold(), word)
    return list(found.values())[:_MAX_WORDS]


def _read_front(card: Card) -> None:
    front = card.front
    card.license = clean_text(_first(front.get("license")).lower(), 64) or None
    card.license_name = clean_text(_text(front.get("license_name"))) or None
    card.license_link = clean_text(_text(front.get("license_link")), 500) or None
    bases = front.get("base_model")
    names = [clean_text(_text(n), 200) for n in (bases if isinstance(bases, list) else [bases])]
    card.base_models = list(dict.fromkeys(n for n in names if n))[:_MAX_BASES]
    relation = _text(front.get("base_model_relation")).lower()
    card.base_model_relation = relation if relation in _RELATIONS else None
    tags = front.get("tags")
    card.tags = normalised_tags(tags if isinstance(tags, list) else _text(tags).split(","))
    prompt = _text(front.get("instance_prompt"))
    card.instance_prompt = clean_text(prompt) or None
    card.trigger_words = split_words(
        [
            *split_words(front.get("instance_prompt")),
            *split_words(front.get("trigger_words")),
            *split_words(front.get("trigger_word")),
        ]
    )
    card.pipeline_tag = clean_text(_text(front.get("pipeline_tag")), TAG_MAX) or None
    card.library_name = clean_text(_text(front.get("library_name")), TAG_MAX) or None
    languages = front.get("language")
    card.languages = normalised_tags(languages if isinstance(languages, list) else [languages])
    card.widget = _widgets(front.get("widget"))


def _read_body(card: Card) -> None:
    headings = 0
    for kind, text in plain_blocks(card.body):
        shown = clean_text(text, 4 * SUMMARY_MAX)
        if not shown:
            continue
        headings += kind == "heading"
        if shown.lower().startswith(_PLACEHOLDERS):
            continue
        if kind == "paragraph":
            card.summary = shortened(shown, SUMMARY_MAX)
            return
        if headings == 1:
            card.title = shown[:TITLE_MAX].rstrip()


def split_heading(body: str) -> tuple[str, str]:
    """Return the heading of the first level that a card begins with, "" for none, and the rest."""
    heading = _HEADING.match(body)
    return (heading[1], body[heading.end() :]) if heading else ("", body)


def is_model_id(text: str) -> bool:
    """Tell whether a text is a model's name on a hub: `owner/name`."""
    return _MODEL_ID.fullmatch(text) is not None


def shortened(text: str, limit: int) -> str:
    """Return the text cut at a word, with an ellipsis when something is missing."""
    if len(text) <= limit:
        return text
    kept = text[: limit - 1]
    at_word = kept[: kept.rfind(" ")] if " " in kept[limit // 2 :] else kept
    return f"{at_word.rstrip(' ,.;:')}…"


def _widgets(value: Any) -> list[Widget]:
    found = []
    for item in value[:_MAX_WIDGETS] if isinstance(value, list) else []:
        if not isinstance(item, dict):
            continue
        output = item.get("output")
        url = _text(output.get("url")) if isinstance(output, dict) else ""
        url = url or _text(item.get("src"))
        found.append(Widget(clean_text(_text(item.get("text")), 2000), url[:1024] or None))
    return found


def _first(value: Any) -> str:
    if isinstance(value, list):
        return _text(value[0]) if value else ""
    return _text(value)


def _text(value: Any) -> str:
    """Return a scalar as text; YAML reads `1.5`, `null` and `yes` as something else."""
    if value is None or isinstance(value, bool | list | dict):
        return ""
    return str(value).strip()


def _tidy(body: str) -> str:
    lines = re.sub(r"\r\n?", "\n", body).strip("\n")
    return f"\n{lines}\n" if lines.strip() else "\n"
