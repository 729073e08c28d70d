"""Which of several files are one adapter in several forms: by their names and what headers tell.

`glass-fp16` and `glass-bf16`, `wan-HIGH` and `wan-LOW`, `glass-000010` and `glass-000020` are forms
of one adapter each; what is left of the name, and the base-model family, tell adapters apart.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Protocol

from lorahub_server.doors.web.words import dtypes

_NAME_MAX = 255
# Pieces of names that say which form it is, each with the words for it. The first that fits counts.
_FORMS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), words)
    for pattern, words in (
        (r"high[-_ ]?noise(?:[-_ ]?model)?|high", "high noise"),
        (r"low[-_ ]?noise(?:[-_ ]?model)?|low", "low noise"),
        (r"(?:fp|float)(8|16|32)", "fp{}"),
        (r"e[45]m[23](?:fn)?", "fp8"),
        (r"f(16|32)", "fp{}"),
        (r"(bf16)|bfloat16", "bf16"),
        (r"(?:rank|dim|r)([0-9]{1,4})", "rank {}"),
        (r"(?:epochs?|ep|e)([0-9]{1,6})", "epoch {}"),
        (r"(?:steps?|s)([0-9]{2,10})|([0-9]{2,10})steps?", "step {}"),
        # As trainers number what they save on the way.
        (r"(0{2,}[0-9]+)", "epoch {}"),
        (r"last|final", "final"),
    )
)
_FLOAT = re.compile(r"\bf(?=[0-9])")
_PIECES = re.compile(r"[-_. ]+")
_JOINED = re.compile(
    r"(?<![A-Za-z0-9])(?:high|low)[-_ ]noise(?:[-_ ]model)?(?![A-Za-z0-9])", re.IGNORECASE
)
# What libraries call every file: the folder says which one it is.
_GENERIC = frozenset(
    {"adapter_model", "pytorch_lora_weights", "adapter", "lora", "model", "diffusers_model"}
)


class Named(Protocol):
    """A file: where it will be in the repository, and what its header tells."""

    @property
    def name(self) -> str: ...
    @property
    def summary(self) -> dict[str, Any] | None: ...


@dataclass(frozen=True, slots=True)
class Form:
    """`key` is the same for all forms of an adapter; `form` says which one it is, maybe nothing."""

    key: str
    title: str
    form: str


@dataclass(slots=True)
class Group:
    """One adapter. `files` are its forms with words for each; in order of appearance."""

    title: str
    files: list[tuple[Named, str]] = field(default_factory=list)


def form_of(name: str, summary: Mapping[str, Any]) -> Form:
    """Return which adapter a file is a form of, and which form."""
    path = PurePosixPath(name[-_NAME_MAX:])
    stem = path.stem
    if stem.casefold() in _GENERIC and path.parent.name:
        stem = path.parent.name
    left, forms = _taken_apart(stem)
    title = left or stem
    # That of most of the values; a few in another type, such as alphas, say nothing.
    types = dtypes(summary.get("elements") or summary.get("dtypes") or {})
    told = _FLOAT.sub("fp", types.partition(",")[0].lower())
    words = ", ".join(forms) or told
    family = str(summary.get("family") or "")
    return Form(f"{title.casefold()}\n{family}", title, words)


def groups(files: Sequence[Named]) -> list[Group]:
    """Return the adapters among files, each with its forms."""
    found: dict[str, Group] = {}
    for file in files:
        if file.summary is not None:
            one = form_of(file.name, file.summary)
            found.setdefault(one.key, Group(one.title)).files.append((file, one.form))
    return list(found.values())


def _taken_apart(stem: str) -> tuple[str, list[str]]:
    """Return a name without the pieces that say which form it is, and these in words."""
    forms: list[str] = []
    # One piece of two words.
    whole = _JOINED.sub(lambda found: _PIECES.sub("", found[0].replace("model", "")), stem)
    kept = []
    for at, piece in enumerate(_PIECES.split(whole)):
        words = _form(piece) if at else None
        if words is None:
            kept.append(piece)
        elif words not in forms:
            forms.append(words)
    return "_".join(piece for piece in kept if piece), forms


def _form(piece: str) -> str | None:
    for pattern, words in _FORMS:
        found = pattern.fullmatch(piece)
        if found is not None:
            number = next((group for group in found.groups() if group), "")
            return words.format(number.lstrip("0") or number[-1:])
    return None
