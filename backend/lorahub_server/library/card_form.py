"""A card as the fields of a form: read from its bytes, written back, and brought together.

What a form doesn't show, and what nobody changed, stays as it was written.
"""

import re
from dataclasses import asdict, dataclass, replace
from typing import Any

from lorahub_server.library import card as cards
from lorahub_server.library import licences, strength

_WORDS_MAX, _WORD_MAX, _TAGS_MAX, _BASES_MAX, _BASE_MAX = 30, 100, 50, 20, 200


@dataclass(frozen=True, slots=True)
class Fields:
    """All of them text, as people fill them in: lists with commas, a base model a line."""

    title: str = ""
    license: str = ""
    base_model: str = ""
    tags: str = ""
    trigger_words: str = ""
    strength: str = ""
    body: str = ""


NAMES = tuple(Fields.__dataclass_fields__)


def fields_of(data: bytes) -> Fields:
    """Return a card's fields; of one that can't be read, as far as it can be."""
    card = cards.parse(data)
    title, body = cards.split_heading(card.body)
    return Fields(
        title=title,
        license=card.license or "",
        base_model="\n".join(card.base_models),
        tags=", ".join(card.tags),
        trigger_words=", ".join(card.trigger_words),
        strength=_strength_of(card),
        body=body.strip("\n"),
    )


def tidied(given: Fields) -> Fields:
    """Return what was filled in, compared to what is there without its accidents."""
    body = given.body.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    lines = (line.strip() for line in re.split(r"[\n,]", given.base_model))
    return Fields(
        title=" ".join(given.title.split()),
        license=given.license.strip(),
        base_model="\n".join(dict.fromkeys(line for line in lines if line)),
        tags=", ".join(cards.normalised_tags(given.tags.split(","))),
        trigger_words=", ".join(_parts(given.trigger_words)),
        strength=" ".join(given.strength.split()),
        body=body,
    )


def faults(given: Fields, before: Fields) -> dict[str, str]:
    """Return what is wrong with which field. What was there before is let through."""
    found: dict[str, str] = {}
    if len(given.title) > cards.TITLE_MAX:
        found["title"] = f"The title is longer than {cards.TITLE_MAX} characters. Shorten it."
    if given.license not in {"", before.license} and not licences.is_known(given.license):
        found["license"] = "The hub doesn't know this licence. Choose one of the list, or Other."
    if given.base_model != before.base_model:
        found |= _base_faults(given.base_model, before.base_model)
    tags = _parts(given.tags)
    if len(tags) > _TAGS_MAX or any(len(tag) > cards.TAG_MAX for tag in tags):
        found["tags"] = f"A card has {_TAGS_MAX} tags at most, of {cards.TAG_MAX} characters each."
    words = _parts(given.trigger_words)
    if len(words) > _WORDS_MAX or any(len(word) > _WORD_MAX for word in words):
        most = f"{_WORDS_MAX} trigger words at most, of {_WORD_MAX} characters each"
        found["trigger_words"] = f"A card has {most}."
    if given.strength not in {"", before.strength} and strength.parse(given.strength) is None:
        found["strength"] = "Write a number such as 0.8, or a range such as 0.6-0.9."
    if len(given.body.encode("utf-8", "replace")) > cards.MAX_BYTES:
        found["body"] = f"The text is larger than {cards.MAX_BYTES // 1024} KiB. Shorten it."
    return found


def apply(data: bytes, given: Fields) -> bytes:
    """Return the card with the fields that differ changed; raises InvalidCard as `edit` does."""
    before = fields_of(data)
    card = cards.parse(data)
    changes: dict[str, Any] = {}
    if given.license != before.license:
        changes["license"] = given.license
    if given.base_model != before.base_model:
        names = given.base_model.split("\n") if given.base_model else []
        changes["base_model"] = names[0] if len(names) == 1 else names
    if given.tags != before.tags:
        changes["tags"] = _parts(given.tags)
    if given.trigger_words != before.trigger_words:
        changes |= _words_changed(card, _parts(given.trigger_words))
    if given.strength != before.strength:
        changes |= _strength_changed(card, given.strength)
    body = None
    if (given.title, given.body) != (before.title, before.body):
        body = f"# {given.title}\n\n{given.body}" if given.title else given.body
    return cards.edit(data, changes, body=body)


def merged(base: Fields, mine: Fields, theirs: Fields) -> tuple[Fields, dict[str, str]]:
    """Return two people's changes of one card together, and what theirs is where both changed.

    There `mine` stays in the fields.
    """
    kept: dict[str, str] = {}
    clashes: dict[str, str] = {}
    first, second, third = asdict(base), asdict(mine), asdict(theirs)
    for name in NAMES:
        if second[name] == first[name]:
            kept[name] = third[name]
        elif third[name] not in {first[name], second[name]}:
            clashes[name] = third[name]
    return replace(mine, **kept), clashes


def _parts(text: str) -> list[str]:
    found = (" ".join(part.split()) for part in text.replace("\n", ",").split(","))
    return list({part.casefold(): part for part in found if part}.values())


def _base_faults(text: str, before: str) -> dict[str, str]:
    names, known = text.split("\n") if text else [], set(before.split("\n"))
    odd = [one for one in names if one not in known and not cards.is_model_id(one)]
    if odd:
        message = f"{odd[0][:80]} is no name of a model. Write owner/name, one on each line."
        return {"base_model": message}
    if len(names) > _BASES_MAX or any(len(one) > _BASE_MAX for one in names):
        return {"base_model": f"A card names {_BASES_MAX} base models at most."}
    return {}


def _words_changed(card: cards.Card, words: list[str]) -> dict[str, Any]:
    """Return what to write for these words; a prompt that says one of them stays as it is."""
    named = {word.casefold() for word in words}
    prompt = cards.split_words(card.front.get("instance_prompt"))
    if prompt and all(word.casefold() in named for word in prompt):
        said = {word.casefold() for word in prompt}
        rest = [word for word in words if word.casefold() not in said]
        return {"trigger_words": rest, "trigger_word": None}
    gone = {"instance_prompt": None} if prompt else {}
    return {"trigger_words": words, "trigger_word": None, **gone}


def _strength_of(card: cards.Card) -> str:
    found = strength.of(card.front)
    if found is None:
        return ""
    low, high = strength.number(found.low), strength.number(found.high)
    return low if low == high else f"{low}-{high}"


def _strength_changed(card: cards.Card, text: str) -> dict[str, Any]:
    found = strength.parse(text) if text else None
    value: Any = None
    if found is not None:
        value = found.low if found.low == found.high else text
    changes: dict[str, Any] = {
        key: None for key in strength.KEYS if strength.parse(card.front.get(key))
    }
    return {**changes, "strength": value}
