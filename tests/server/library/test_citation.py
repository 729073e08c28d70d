"""Entries that programs for references can read, whatever things are called."""

import re
from datetime import UTC, datetime

import yaml
from hypothesis import given
from hypothesis import strategies as st

from lorahub_server.library import card as cards
from lorahub_server.library.citation import (
    Author,
    Work,
    authors_of,
    bibtex,
    cff,
    own_bibtex,
    papers,
)


def work(**changes) -> Work:
    facts = {
        "key": "maren-Glass",
        "title": "50% glass & {lead}_lines",
        "authors": (Author("Maren Holm", is_person=True), Author("Glass Club")),
        "summary": "Paints: with #light.",
        "address": "https://hub.example/maren/Glass",
        "license": "mit",
        "base_model": "some/base_xl",
        "tags": ("style",),
        "revision": "a" * 40,
        "published_at": datetime(2026, 3, 4, tzinfo=UTC),
    }
    return Work(**{**facts, **changes})


def card(front: str, body: str = "") -> cards.Card:
    return cards.parse(f"---\n{front}\n---\n{body}".encode())


def test_bibtex():
    assert bibtex(work()) == (
        "@misc{maren-glass-2026,\n"
        "  title = {{50\\% glass \\& \\{lead\\}\\_lines}},\n"
        "  author = {Maren Holm and {Glass Club}},\n"
        "  year = {2026},\n"
        "  month = mar,\n"
        "  howpublished = {\\url{https://hub.example/maren/Glass}},\n"
        "  url = {https://hub.example/maren/Glass},\n"
        "  note = {LoRA adapter for some/base\\_xl, revision aaaaaaaaaa}\n"
        "}\n"
    )


def test_citation_cff():
    found = yaml.safe_load(cff(work()))
    assert found["cff-version"] == "1.2.0"
    assert found["authors"] == [
        {"family-names": "Holm", "given-names": "Maren"},
        {"name": "Glass Club"},
    ]
    assert found["license"] == "MIT"
    assert str(found["date-released"]) == "2026-03-04"
    assert found["abstract"] == "Paints: with #light."
    # No id of SPDX's.
    assert "license" not in yaml.safe_load(cff(work(license="openrail++")))


def test_whom_the_card_names():
    def names(front: str) -> list[str]:
        return [one.name for one in authors_of(card(front), "maren")]

    assert names("authors: [Maren Holm, Nils Berg, maren holm]") == ["Maren Holm", "Nils Berg"]
    assert names("author: 'Holm, Maren'") == ["Maren Holm"]
    assert names("author: Maren Holm, Nils Berg") == ["Maren Holm", "Nils Berg"]
    assert names("author: Maren Holm and Nils Berg; Ada") == ["Maren Holm", "Nils Berg", "Ada"]
    assert names("tags: [x]") == ["maren"]
    assert names("authors: [[], {}, 3]") == ["maren"]
    (one,) = authors_of(
        card("authors:\n- {name: Maren Holm, orcid: 'https://orcid.org/0000-0002-1825-0097'}"), ""
    )
    assert one.orcid == "0000-0002-1825-0097"
    assert "orcid: https://orcid.org/0000-0002-1825-0097" in cff(work(authors=(one,)))


def test_papers_of_a_card():
    found = card(
        "tags: ['arxiv:2106.09685']\narxiv: '2307.01952'",
        "See https://arxiv.org/abs/2106.09685, arXiv:hep-th/9901001 and 1234.56789.",
    )
    assert papers(found) == ["2106.09685", "2307.01952", "hep-th/9901001"]


def test_the_card_s_own_entry_is_kept():
    entry = "@article{x,\n  title = {A {B}},\n}"
    assert own_bibtex(card("a: b", f"# T\n\n```bibtex\n{entry}\n```\n")) == f"{entry}\n"
    assert own_bibtex(card("a: b", "```bibtex\nnothing\n```\n")) is None


NAMES = st.text(min_size=1, max_size=40).filter(lambda text: text.strip() and text.isprintable())


@given(NAMES, NAMES, NAMES, st.booleans())
def test_nothing_leaves_its_braces(title, name, summary, is_person):
    made = work(title=title, authors=(Author(name, is_person),), summary=summary)
    entry = bibtex(made)
    plain = re.sub(r"\\[{}]", "", entry)
    depth = 0
    for letter in plain:
        depth += {"{": 1, "}": -1}.get(letter, 0)
        assert depth >= 0
    assert depth == 0
    assert plain.rstrip().endswith("}")
    assert not re.search(r"(?<!\\)[%#&$]", entry)
    found = yaml.safe_load(cff(made))
    assert (found["title"], found["abstract"]) == (title, summary)
