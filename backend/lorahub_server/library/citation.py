"""How to cite an adapter: BibTeX and CITATION.cff, made from its card and its owner."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import yaml

from lorahub.adapters.metadata import clean_text
from lorahub_server.library.card import Card

_MAX_AUTHORS, _MAX_AUTHOR, _MAX_PAPERS = 50, 200, 20
_MAX_OWN = 20_000
_AUTHOR_KEYS = ("authors", "author", "creators", "creator")
_ESCAPED = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "%": r"\%",
    "#": r"\#", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip
_PAPER = re.compile(
    r"(?:arxiv\s*:\s*|arxiv\.org/(?:abs|pdf)/)(\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})(?!\d)",
    re.IGNORECASE,
)
_OWN = re.compile(
    r"^`{3,}[ \t]*(?:bibtex|bib)[ \t]*\n(\s*@\w+\s*\{.*?)^`{3,}[ \t]*$", re.MULTILINE | re.DOTALL
)
_ORCID = re.compile(r"(?:https://orcid\.org/)?(\d{4}-\d{4}-\d{4}-\d{3}[\dX])")
# As SPDX has them; CITATION.cff takes no others.
_SPDX = {
    "apache-2.0": "Apache-2.0", "mit": "MIT", "cc0-1.0": "CC0-1.0", "cc-by-4.0": "CC-BY-4.0",
    "cc-by-sa-4.0": "CC-BY-SA-4.0", "cc-by-nc-4.0": "CC-BY-NC-4.0",
    "cc-by-nc-sa-4.0": "CC-BY-NC-SA-4.0", "cc-by-nd-4.0": "CC-BY-ND-4.0",
    "cc-by-nc-nd-4.0": "CC-BY-NC-ND-4.0", "gpl-3.0": "GPL-3.0-only", "gpl-2.0": "GPL-2.0-only",
    "agpl-3.0": "AGPL-3.0-only", "lgpl-3.0": "LGPL-3.0-only", "mpl-2.0": "MPL-2.0",
    "bsd-2-clause": "BSD-2-Clause", "bsd-3-clause": "BSD-3-Clause", "isc": "ISC", "zlib": "Zlib",
    "unlicense": "Unlicense", "wtfpl": "WTFPL", "epl-2.0": "EPL-2.0", "eupl-1.2": "EUPL-1.2",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Author:
    """`is_person`: of a given and a family name, in this order; else a name that stays whole."""

    name: str
    is_person: bool = False
    orcid: str = ""


@dataclass(frozen=True, slots=True)
class Work:
    """What is cited. `address` is its page; `license` an id of cards."""

    key: str
    title: str
    authors: tuple[Author, ...]
    summary: str
    address: str
    license: str | None
    base_model: str | None
    tags: tuple[str, ...]
    revision: str | None
    published_at: datetime | None


def authors_of(card: Card, owner: str) -> tuple[Author, ...]:
    """Return whom the card names, else the owner of the repository."""
    given = next((card.front[key] for key in _AUTHOR_KEYS if card.front.get(key)), None)
    found: dict[str, Author] = {}
    for item in given if isinstance(given, list) else [given]:
        for author in _authors(item):
            found.setdefault(author.name.casefold(), author)
    return tuple(found.values())[:_MAX_AUTHORS] or (Author(owner),)


def papers(card: Card) -> list[str]:
    """Return the arXiv ids that a card names, in its tags, its front matter or its text."""
    texts = [*card.tags, *_strings(card.front.get("paper")), *_strings(card.front.get("arxiv"))]
    texts = [
        *(text if ":" in text or "/" in text else f"arxiv:{text}" for text in texts),
        card.body,
    ]
    found = (match[1].lower() for text in texts for match in _PAPER.finditer(text))
    return list(dict.fromkeys(found))[:_MAX_PAPERS]


def own_bibtex(card: Card) -> str | None:
    """Return the entry that the card's text asks to be cited by, as it is written."""
    found = _OWN.search(card.body)
    return found[1].strip() + "\n" if found and len(found[1]) <= _MAX_OWN else None


def bibtex(work: Work) -> str:
    """Return an entry for BibTeX and biblatex, in UTF-8."""
    names = " and ".join(_bibtex_author(one) for one in work.authors)
    notes = ["LoRA adapter"]
    if work.base_model:
        notes[0] += f" for {work.base_model}"
    if work.revision:
        notes.append(f"revision {work.revision[:10]}")
    fields = {
        "title": f"{{{_escaped(work.title)}}}",
        "author": names,
        "year": str(work.published_at.year) if work.published_at else "",
        "month": f"{work.published_at:%b}".lower() if work.published_at else "",
        "howpublished": f"\\url{{{_address(work.address)}}}",
        "url": _address(work.address),
        "note": _escaped(", ".join(notes)),
    }
    lines = [
        f"  {name} = {value}" if name == "month" else f"  {name} = {{{value}}}"
        for name, value in fields.items()
        if value
    ]
    return "".join([f"@misc{{{_key(work)},\n", ",\n".join(lines), "\n}\n"])


def cff(work: Work) -> str:
    """Return a CITATION.cff of version 1.2.0."""
    spdx = _SPDX.get(work.license or "")
    facts: dict[str, Any] = {
        "cff-version": "1.2.0",
        "message": "If you use this adapter, please cite it as below.",
        "type": "software",
        "title": work.title,
        "abstract": work.summary,
        "authors": [_cff_author(one) for one in work.authors],
        "url": work.address,
        "version": work.revision,
        "date-released": f"{work.published_at:%Y-%m-%d}" if work.published_at else None,
        "license": spdx,
        "keywords": list(work.tags),
    }
    kept = {name: value for name, value in facts.items() if value}
    return yaml.safe_dump(kept, sort_keys=False, allow_unicode=True, width=4096)


def _authors(value: Any) -> list[Author]:
    if isinstance(value, dict):
        return _author_of_fields(value)
    text = clean_text(value, _MAX_AUTHOR * _MAX_AUTHORS) if isinstance(value, str) else ""
    parts = re.split(r"\s*;\s*|\s+and\s+", text)
    if len(parts) == 1 and "," in text:
        # "Maren Holm, Nils Berg", and not "Holm, Maren".
        names = [part.strip() for part in text.split(",")]
        parts = names if all(" " in name for name in names if name) else parts
    return [one for part in parts if (one := _author(part.strip()))]


def _author(name: str, orcid: str = "") -> Author | None:
    family, comma, given = name.partition(",")
    if comma and given.strip():
        name = f"{given.strip()} {family.strip()}"
    name = " ".join(name.split())[:_MAX_AUTHOR].strip()
    return Author(name, " " in name, orcid) if name else None


def _author_of_fields(value: dict[str, Any]) -> list[Author]:
    parts = [value.get(key) for key in ("given-names", "family-names")]
    name = value.get("name") or " ".join(str(part) for part in parts if isinstance(part, str))
    if not isinstance(name, str):
        return []
    found = _ORCID.fullmatch(str(value.get("orcid", "")).strip())
    author = _author(clean_text(name, _MAX_AUTHOR), found[1] if found else "")
    return [author] if author else []


def _bibtex_author(author: Author) -> str:
    name = _escaped(author.name)
    # Both would be read as something between names.
    is_odd = "," in name or " and " in f" {name.lower()} "
    return name if author.is_person and not is_odd else f"{{{name}}}"


def _cff_author(author: Author) -> dict[str, str]:
    given, space, family = author.name.rpartition(" ")
    if not author.is_person or not space:
        named = {"name": author.name}
    else:
        named = {"family-names": family, "given-names": given}
    return named | ({"orcid": f"https://orcid.org/{author.orcid}"} if author.orcid else {})


def _key(work: Work) -> str:
    year = f"-{work.published_at.year}" if work.published_at else ""
    return re.sub(r"[^a-z0-9]+", "-", work.key.lower()).strip("-") + year


def _escaped(text: str) -> str:
    return "".join(_ESCAPED.get(letter, letter) for letter in " ".join(text.split()))


def _address(address: str) -> str:
    """Return an address as it may stand in a field: no brace and no percent sign by itself."""
    return address.replace("{", "%7B").replace("}", "%7D").replace("%", r"\%").replace("#", r"\#")


def _strings(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [str(one) for one in values if isinstance(one, str | float)]
