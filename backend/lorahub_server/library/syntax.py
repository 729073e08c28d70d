"""The language of the search box: a line of text to a query, and back.

    glass window #style -#anime @maren base:sdxl rank:8..64 size:<50MB licence:commercial

One rule for pages, the API and feeds. A line is never refused: what can't be understood is left out
and told in a sentence. `line_of(parse(line).query)` says the same in its shortest form.
"""

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any

from lorahub.adapters.families import names as families
from lorahub_server.kit import names
from lorahub_server.library import licences, maturity, permissions
from lorahub_server.library.amounts import (
    read_range,
    read_size,
    read_span,
    write_range,
    write_size,
    write_span,
)
from lorahub_server.library.card import normalised_tags
from lorahub_server.library.queries_filters import HAVING
from lorahub_server.library.search import DEFAULT_SORT, SORTS, Measures, Query

MAX_LINE = 500
LEVELS = tuple(sorted(maturity.LEVELS, key=lambda name: maturity.LEVELS[name]))
TASKS = ("image", "video", "text", "audio", "vision")
_MAX_MANY = 10
_SHOWN = 40
_CLOSE = 0.7

_KEYS = (
    "base", "rank", "size", "license", "licence", "trigger", "healthy", "layout", "method",
    "task", "hash", "updated", "period", "maturity", "has", "sort",
)  # fmt: skip
_TOKEN = re.compile(rf'(-?)([#@]|(?:{"|".join(_KEYS)}):)?("(?:[^"\\]|\\.)*"|\S+)?', re.IGNORECASE)
_ANY_KEY = re.compile(r"-?([A-Za-z]{3,12}):\S")
_PLAIN = re.compile(r"[a-z0-9][a-z0-9._+-]{0,63}")
_HASH = re.compile(r"[0-9a-f]{8,64}")
# The levels of other hubs.
_OTHER_LEVELS = {"pg": "none", "pg13": "soft", "pg-13": "soft", "r": "mature", "x": "explicit"}
_SEPARATORS = re.compile(r"[\s._-]+")
_YES = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
# What people call a family, beside its name and its label.
_ALIASES = {
    "sd": "sd1",
    "sd15": "sd1",
    "stablediffusion": "sd1",
    "xl": "sdxl",
    "flux": "flux1",
    "fluxdev": "flux1",
    "qwenimage": "qwen-image",
    "zimage": "z-image",
    "phi": "phi3",
}


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a line asks for, and sentences about what in it was not understood."""

    query: Query
    told: tuple[str, ...] = ()


@dataclass(slots=True)
class _Reading:
    fields: dict[str, Any] = field(default_factory=dict)
    measures: dict[str, Any] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def tell(self, sentence: str) -> None:
        if sentence not in self.told:
            self.told.append(sentence)

    def add(self, name: str, value: str, shown: str) -> None:
        """Put one more value into a field that holds several."""
        there: tuple[str, ...] = self.fields.get(name, ())
        if value in there:
            return
        if len(there) >= _MAX_MANY:
            self.tell(f"{shown} was left out: only the first {_MAX_MANY} of a kind count.")
            return
        self.fields[name] = (*there, value)

    def put(self, name: str, value: Any, shown: str) -> None:
        """Fill a field that holds one value; a second one is told."""
        if self.fields.get(name, value) != value:
            self.tell(f"{shown} was left out: only one of a kind can be asked for.")
            return
        self.fields[name] = value


def parse(line: str) -> Parsed:
    """Return what a line asks for; any text is a line."""
    reading = _Reading()
    line = " ".join(line.replace("\0", " ").split())
    if len(line) > MAX_LINE:
        line = line[:MAX_LINE]
        reading.tell(f"The search was cut after {MAX_LINE} characters.")
    for found in _TOKEN.finditer(line):
        if found[0]:
            _read_token(reading, found[0], bool(found[1]), (found[2] or "").lower(), found[3] or "")
    query = Query(
        text=" ".join(reading.words),
        measures=Measures(**reading.measures),
        **reading.fields,
    )
    return Parsed(query, tuple(reading.told))


def line_of(query: Query, *, with_order: bool = True) -> str:
    """Return the line that asks for the same. What only programs ask for is not in it.

    Without the order, `sort` and `period` are left to whoever writes the line.
    """
    parts = [_quoted_word(word) for word in query.text.split()]
    for name, sign in _SIGNS.items():
        parts += [sign + _quoted(one) for one in getattr(query, name)]
    if query.owner:
        parts.append("@" + _quoted(query.owner))
    for name, key in _SINGLE.items():
        value = getattr(query, name)
        if value:
            parts.append(f"{key}:{_quoted(value)}")
    parts += _measured(query.measures)
    if query.updated_within:
        parts.append(f"updated:<{write_span(query.updated_within)}")
    if with_order and query.period:
        parts.append(f"period:{write_span(query.period)}")
    if query.max_maturity is not None:
        parts.append(f"maturity:{level_name(query.max_maturity)}")
    if with_order and query.sort != DEFAULT_SORT:
        parts.append(f"sort:{query.sort}")
    return " ".join(parts)


def combined(line: str, other: Query) -> Parsed:
    """Return what a line asks for together with what an address says in parameters of its own.

    Where both name a thing of which there can be one, the line counts.
    """
    parsed = parse(line)
    query, empty = parsed.query, Query()
    changes: dict[str, Any] = {}
    for name in (one.name for one in fields(Query)):
        mine, more = getattr(query, name), getattr(other, name)
        if isinstance(mine, tuple):
            changes[name] = (*mine, *(one for one in more if one not in mine))
        elif mine == getattr(empty, name):
            changes[name] = more
    if query.measures != empty.measures:
        changes["measures"] = query.measures.filled(other.measures)
    return Parsed(replace(query, **changes), parsed.told)


_SIGNS = {
    "tags": "#",
    "without_tags": "-#",
    "without_owners": "-@",
    "without_families": "-base:",
    "permits": "licence:",
    "has": "has:",
}
_SINGLE = {
    "family": "base",
    "base_model": "base",
    "license": "license",
    "task": "task",
    "layout": "layout",
    "method": "method",
    "file_hash": "hash",
}


def level_name(level: int) -> str:
    """Return the name of a level of maturity."""
    return LEVELS[min(max(level, 0), len(LEVELS) - 1)]


def family_of(text: str) -> str | None:
    """Return the family that somebody means by its name, its label, or what it is called."""
    return _families().get(_SEPARATORS.sub("", text.casefold()))


def _families() -> dict[str, str]:
    found = dict(_ALIASES)
    for name in families.known():
        found.setdefault(_SEPARATORS.sub("", families.label(name).casefold()), name)
        found[_SEPARATORS.sub("", name)] = name
    return found


def _read_token(reading: _Reading, token: str, negated: bool, key: str, value: str) -> None:
    if not key:
        _read_word(reading, token, negated, value)
        return
    value = _unquoted(value).strip()
    if not value:
        reading.tell(f"After {key} something has to follow, as in {_EXAMPLES[key.rstrip(':')]}.")
        return
    if negated and key not in {"#", "@", "base:"}:
        reading.tell(
            f"{_short(token)} was left out: only tags, people and bases can be excluded, as in "
            "-#tag, -@user or -base:sdxl."
        )
        return
    _READERS[key.rstrip(":")](reading, value, _short(token), negated)


def _read_word(reading: _Reading, token: str, negated: bool, value: str) -> None:
    if negated and value:
        reading.tell(
            f"{_short(token)} was left out: words can't be excluded, but tags can, as in "
            f"-#{_short(_unquoted(value)) or 'tag'}."
        )
        return
    words = _unquoted(value or token).split()
    reading.words += words
    known = _ANY_KEY.fullmatch(token) or _ANY_KEY.match(token)
    close = difflib.get_close_matches(known[1].lower(), _KEYS, 1, _CLOSE) if known else []
    if close and not token.startswith('"'):
        reading.tell(f"{known[1] if known else ''}: is no filter. Did you mean {close[0]}: ?")


def _read_tag(reading: _Reading, value: str, shown: str, negated: bool) -> None:
    for tag in normalised_tags([value]):
        reading.add("without_tags" if negated else "tags", tag, shown)


def _read_owner(reading: _Reading, value: str, shown: str, negated: bool) -> None:
    name = names.lower(value)
    if negated:
        reading.add("without_owners", name, shown)
    else:
        reading.put("owner", name, shown)


def _read_base(reading: _Reading, value: str, shown: str, negated: bool) -> None:
    family = family_of(value)
    if family is not None and negated:
        reading.add("without_families", family, shown)
    elif family is not None:
        reading.put("family", family, shown)
    elif "/" in value and not negated:
        reading.put("base_model", value[:200], shown)
    else:
        close = difflib.get_close_matches(value.casefold(), families.known(), 1, _CLOSE)
        hint = f" Did you mean base:{close[0]}?" if close else ""
        reading.tell(
            f"{shown} was left out: no base model family is called so.{hint} A single base model "
            "is named with its owner, as in base:owner/name."
        )


def _read_rank(reading: _Reading, value: str, shown: str, _negated: bool) -> None:
    found = read_range(value)
    if found is None:
        reading.tell(f"{shown} was left out: a rank is written rank:16, rank:8..64 or rank:>=16.")
        return
    _put_range(reading, ("rank_from", "rank_to"), found, shown)


def _read_size(reading: _Reading, value: str, shown: str, _negated: bool) -> None:
    found = read_range(value, read_size)
    if found is None:
        reading.tell(f"{shown} was left out: a size is written size:<50MB or size:10MB..1GB.")
        return
    _put_range(reading, ("size_from", "size_to"), found, shown)


def _put_range(
    reading: _Reading, fields: tuple[str, str], found: tuple[int | None, int | None], shown: str
) -> None:
    """Two halves may be given apart: `rank:>=8 rank:<=64`."""
    merged = dict(reading.measures)
    for name, value in zip(fields, found, strict=True):
        if value is None:
            continue
        if merged.get(name, value) != value:
            reading.tell(f"{shown} was left out: only one of a kind can be asked for.")
            return
        merged[name] = value
    low, high = merged.get(fields[0]), merged.get(fields[1])
    if low is not None and high is not None and low > high:
        reading.tell(f"{shown} was left out: nothing is both above {low} and below {high}.")
        return
    reading.measures = merged


def _read_licence(reading: _Reading, value: str, shown: str, _negated: bool) -> None:
    name = licences.canonical(value)
    if name in permissions.PERMISSIONS:
        reading.add("permits", name, shown)
    else:
        reading.put("license", name[:64], shown)


def _yes_or_no(measure: str) -> Callable[[_Reading, str, str, bool], None]:
    def read(reading: _Reading, value: str, shown: str, _negated: bool) -> None:
        wanted = _YES.get(value.casefold())
        if wanted is None or reading.measures.get(measure, wanted) != wanted:
            key = shown.partition(":")[0]
            reading.tell(f"{shown} was left out: write {key}:yes or {key}:no, once.")
            return
        reading.measures[measure] = wanted

    return read


def _plain(name: str) -> Callable[[_Reading, str, str, bool], None]:
    def read(reading: _Reading, value: str, shown: str, _negated: bool) -> None:
        value = "-".join(value.casefold().split())
        if _PLAIN.fullmatch(value):
            reading.put(name, value, shown)
        else:
            reading.tell(f"{shown} was left out: it is no {name}.")

    return read


def _read_task(reading: _Reading, value: str, shown: str, _negated: bool) -> None:
    if value.casefold() in TASKS:
        reading.put("task", value.casefold(), shown)
    else:
        reading.tell(f"{shown} was left out: a task is one of {', '.join(TASKS)}.")


def _read_hash(reading: _Reading, value: str, shown: str, _negated: bool) -> None:
    value = value.casefold()
    if _HASH.fullmatch(value):
        reading.put("file_hash", value, shown)
    else:
        reading.tell(f"{shown} was left out: a hash has 8 to 64 digits, each 0-9 or a-f.")


def _span(name: str, example: str) -> Callable[[_Reading, str, str, bool], None]:
    def read(reading: _Reading, value: str, shown: str, _negated: bool) -> None:
        found = read_span(value)
        if found is None:
            reading.tell(f"{shown} was left out: a span of time is written {example}.")
        else:
            reading.put(name, found, shown)

    return read


def _read_maturity(reading: _Reading, value: str, shown: str, _negated: bool) -> None:
    name = _OTHER_LEVELS.get(value.casefold(), value.casefold())
    if name in LEVELS:
        reading.put("max_maturity", maturity.LEVELS[name], shown)
    else:
        reading.tell(f"{shown} was left out: a level is one of {', '.join(LEVELS)}.")


def _read_has(reading: _Reading, value: str, shown: str, _negated: bool) -> None:
    if value.casefold() in HAVING:
        reading.add("has", value.casefold(), shown)
    else:
        reading.tell(f"{shown} was left out: what it can have is one of {', '.join(HAVING)}.")


def _read_sort(reading: _Reading, value: str, shown: str, _negated: bool) -> None:
    if value.casefold() in SORTS:
        reading.put("sort", value.casefold(), shown)
    else:
        reading.tell(f"{shown} was left out: an order is one of {', '.join(SORTS)}.")


_READERS: dict[str, Callable[[_Reading, str, str, bool], None]] = {
    "#": _read_tag,
    "@": _read_owner,
    "base": _read_base,
    "rank": _read_rank,
    "size": _read_size,
    "license": _read_licence,
    "licence": _read_licence,
    "trigger": _yes_or_no("has_trigger"),
    "healthy": _yes_or_no("healthy"),
    "layout": _plain("layout"),
    "method": _plain("method"),
    "task": _read_task,
    "hash": _read_hash,
    "updated": _span("updated_within", "updated:<30d"),
    "period": _span("period", "period:week"),
    "maturity": _read_maturity,
    "has": _read_has,
    "sort": _read_sort,
}
_EXAMPLES = {
    "#": "#style",
    "@": "@alice",
    "base": "base:sdxl",
    "rank": "rank:8..64",
    "size": "size:<50MB",
    "license": "licence:commercial",
    "licence": "licence:commercial",
    "trigger": "trigger:yes",
    "healthy": "healthy:yes",
    "layout": "layout:kohya",
    "method": "method:dora",
    "task": "task:image",
    "hash": "hash:1a2b3c4d",
    "updated": "updated:<30d",
    "period": "period:week",
    "maturity": "maturity:soft",
    "has": "has:prompts",
    "sort": "sort:stars",
}


def _measured(wanted: Measures) -> list[str]:
    found = []
    if (wanted.rank_from, wanted.rank_to) != (None, None):
        found.append(f"rank:{write_range(wanted.rank_from, wanted.rank_to)}")
    if (wanted.size_from, wanted.size_to) != (None, None):
        found.append(f"size:{write_range(wanted.size_from, wanted.size_to, write_size)}")
    for key, value in (("trigger", wanted.has_trigger), ("healthy", wanted.healthy)):
        if value is not None:
            found.append(f"{key}:{'yes' if value else 'no'}")
    return found


def _quoted(value: str) -> str:
    if value and not re.search(r'[\s"\\]', value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _quoted_word(word: str) -> str:
    """Return a word so that it is read as one, whatever it looks like."""
    found = _TOKEN.fullmatch(word)
    is_plain = found is not None and not found[1] and not found[2] and '"' not in word[:1]
    if is_plain:
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == '"' and _TOKEN.fullmatch(value):
        return re.sub(r"\\(.)", r"\1", value[1:-1])
    return value


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
