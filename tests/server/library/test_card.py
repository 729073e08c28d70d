import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lorahub_server.library import card
from lorahub_server.library.card import Widget, check, compose, edit, parse
from lorahub_server.library.errors import InvalidCard

FULL = b"""---
license: other
license_name: flux-1-dev-non-commercial-license
license_link: LICENSE.md
base_model:
  - black-forest-labs/FLUX.1-dev
  - other/model
base_model_relation: adapter
tags: [LoRA, text-to-image, "  Two  Words ", lora, 1.5, null]
pipeline_tag: text-to-image
library_name: diffusers
language: en
instance_prompt: "sks dog, red hat"
trigger_words: [RED HAT, "blue\\u200b coat"]
widget:
  - text: a dog
    output:
      url: images/dog.png
  - text: nothing
  - src: https://example.com/a.png
created: 2024-13-45
when: 2024-01-02
ratio: 16:9
infinite: .inf
---
<Gallery />

![badge](https://example.com/b.svg)

# Red *hat*

[More Information Needed]

A hat that is **red**, with
[a link](https://example.com).

Second paragraph.
"""


def test_the_vocabulary_of_cards():
    read = parse(FULL)
    assert read.problems == []
    assert read.title == "Red hat"
    assert read.summary == "A hat that is red, with a link."
    assert (read.license, read.license_name) == ("other", "flux-1-dev-non-commercial-license")
    assert read.license_link == "LICENSE.md"
    assert read.base_models == ["black-forest-labs/FLUX.1-dev", "other/model"]
    assert read.base_model_relation == "adapter"
    assert read.tags == ["lora", "text-to-image", "two words", "1.5"]
    assert read.trigger_words == ["sks dog", "red hat", "blue coat"]
    assert read.instance_prompt == "sks dog, red hat"
    assert (read.pipeline_tag, read.library_name) == ("text-to-image", "diffusers")
    assert read.languages == ["en"]
    assert read.widget == [
        Widget("a dog", "images/dog.png"),
        Widget("nothing", None),
        Widget("", "https://example.com/a.png"),
    ]
    assert read.front["created"] == "2024-13-45"
    assert read.front["when"] == "2024-01-02"
    json.dumps(read.front, allow_nan=False)
    assert read.body.startswith("<Gallery />")
    check(FULL)


@pytest.mark.parametrize(
    ("front", "expected"),
    [
        ("base_model: a/b", ["a/b"]),
        ("base_model: [a/b, a/b, '']", ["a/b"]),
        ("base_model: 7", ["7"]),
        ("base_model: {a: b}", []),
        ("base_model: null", []),
        ("base_model: [[a], {b: c}, true]", []),
        ("x: y", []),
    ],
)
def test_base_models(front, expected):
    assert parse(f"---\n{front}\n---\n".encode()).base_models == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Just text",
        "---\n---\n",
        "---\n# only a comment\n---\nbody",
        "# T\n\n---\n\nx: y\n\n---\n",
    ],
)
def test_cards_without_front_matter_are_good(text):
    check(text.encode())
    read = parse(text.encode())
    assert (read.front, read.problems, read.license, read.tags) == ({}, [], None, [])


def test_windows_files_and_byte_order_marks():
    read = parse(
        b"\xef\xbb\xbf---\r\nlicense: MIT\r\ntags:\r\n- a\r\n---\r\n# Title\r\n\r\nText\r\n"
    )
    assert (read.license, read.tags, read.title, read.summary) == ("mit", ["a"], "Title", "Text")


BROKEN = {
    "tabs": (b"---\na: b\n\tc: d\n---\n", "line 3"),
    "quote": (b'---\na: b\nc: "d\n---\n', None),
    "list": (b"---\n- a\n- b\n---\n", "line 2"),
    "scalar": (b"---\nhello\n---\n", "line 2"),
    "python": (b"---\na: !!python/object/apply:os.system ['x']\n---\n", "line 2"),
    "timestamp": (b"---\na: !!timestamp x\n---\n", None),
    "boolean": (b"---\na: !!bool x\n---\n", None),
    "integer": (b"---\na: !!int ''\n---\n", None),
    "set": (b"---\na: !!set [1]\n---\n", None),
    "unclosed": (b"---\nlicense: mit\n# Title\n", "line 1"),
    "alias": (b"---\na: *b\n---\n", "line 2"),
    "recursive": (b"---\na: &a [*a]\n---\n", "line 2"),
    "deep": (b"---\na: " + b"[" * 50 + b"]" * 50 + b"\n---\n", "line 2"),
    "large": (b"---\na: " + b"x" * 70_000 + b"\n---\n", "line 2"),
    "many": (b"---\na: [" + b"1," * 20_000 + b"]\n---\n", "line 2"),
    "control": (b"---\na: \x07\n---\n", None),
    "two": (b"---\na: b\n...\n%YAML 1.1\n---\n", None),
}


@pytest.mark.parametrize("name", BROKEN)
def test_front_matter_that_nobody_can_read(name):
    data, place = BROKEN[name]
    with pytest.raises(InvalidCard) as caught:
        check(data + b"\n# Title\n\nText\n")
    assert (caught.value.status, caught.value.code) == (422, "invalid_card")
    assert caught.value.place is not None
    if place is not None:
        assert caught.value.place == place
    read = parse(data + b"\n# Title\n\nText\n")
    assert read.problems
    assert read.front == {}
    if name != "unclosed":
        assert (read.title, read.summary) == ("Title", "Text")


def test_a_bomb_of_aliases_is_refused_before_it_is_built():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    data = ("---\n" + "\n".join(lines) + "\n---\n").encode()
    with pytest.raises(InvalidCard) as caught:
        check(data)
    assert caught.value.place == "line 6"


def test_a_long_text_said_over_and_over_is_refused():
    data = f"---\na: &a {'x' * 30_000}\nb: [{', '.join(['*a'] * 20)}]\n---\n".encode()
    with pytest.raises(InvalidCard):
        check(data)


def test_aliases_that_libraries_write_are_read():
    assert parse(b"---\na: &x [m/n]\nbase_model: *x\n---\n").base_models == ["m/n"]


def test_other_encodings_are_told_with_their_line():
    data = b"---\nlicense: mit\n---\n# Caf\xe9\n"
    with pytest.raises(InvalidCard) as caught:
        check(data)
    assert caught.value.place == "line 4"
    assert parse(data).title == "Caf�"


def test_too_large_a_card():
    with pytest.raises(InvalidCard):
        check(b"a" * (card.MAX_BYTES + 1))


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_card(data):
    read = parse(data)
    json.dumps(read.front, allow_nan=False)
    assert len(read.summary) <= card.SUMMARY_MAX
    assert "\0" not in read.summary + (read.title or "") + read.body


PIECES = [
    "a", ":", " ", "\n", "- ", "[", "]", "{", "}", ",", "&a ", "*a ", "!!int ", "!!bool ", "'", '"',
    "|", ">", "? ", "<<", "#", "%", "0b_", "1:60", "2024-01-01", "~", ".nan", "!!binary ", "!x ",
]  # fmt: skip
YAMLISH = st.lists(st.sampled_from(PIECES), max_size=20).map("".join)


@settings(deadline=None, max_examples=500)
@given(YAMLISH)
def test_any_front_matter_is_read_or_refused(front):
    data = f"---\n{front}\n---\nbody\n".encode()
    read = parse(data)
    json.dumps(read.front, allow_nan=False)
    try:
        check(data)
    except InvalidCard:
        return
    assert read.problems == []


def test_the_templates_of_libraries_say_nothing():
    from huggingface_hub import ModelCard, ModelCardData

    written = str(ModelCard.from_template(ModelCardData(base_model="gpt2", library_name="peft")))
    read = parse(written.encode())
    assert (read.title, read.summary) == (None, "")
    assert (read.base_models, read.library_name) == (["gpt2"], "peft")
    assert "Model Card for Model ID" in read.body
    read = parse(b"# Model Card for Model ID\n\n<!-- quick -->\n\n## Details\n\nIt talks.\n")
    assert (read.title, read.summary) == (None, "It talks.")


def test_long_summaries_end_at_a_word():
    read = parse(("word " * 200).encode())
    assert len(read.summary) <= 300
    assert read.summary.endswith("word…")
    assert len(parse(b"x" * 900).summary) == 300


def test_compose_and_read_back():
    data = compose(
        {
            "license": "mit",
            "base_model": "a/b",
            "tags": ["yes", "1.0", "ä"],
            "instance_prompt": "no",
            "library_name": "",
            "language": [],
        },
        '\r\n# Title\r\n\r\nText: "x"',
    )
    check(data)
    assert data.endswith(b'\n# Title\n\nText: "x"\n')
    read = parse(data)
    assert (read.license, read.tags, read.instance_prompt) == ("mit", ["yes", "1.0", "ä"], "no")
    assert set(read.front) == {"license", "base_model", "tags", "instance_prompt"}
    assert parse(compose({}, "Hi")).body.strip() == "Hi"


def test_edit_keeps_what_is_not_changed():
    old = b"---\n# mine\nlicense: mit # free\ntags:\n- a\n-  b\n\nwidget:\n  - text: x\n---\nbody\n"
    new = edit(old, {"license": "apache-2.0", "tags": None, "base_model": ["a/b"]})
    assert new == (
        b"---\n# mine\nlicense: apache-2.0\n\nwidget:\n  - text: x\nbase_model:\n- a/b\n---\nbody\n"
    )
    assert edit(old, {}) == old
    assert edit(new, {"license": "", "base_model": []}) == (
        b"---\n# mine\n\nwidget:\n  - text: x\n---\nbody\n"
    )


@pytest.mark.parametrize(
    "old",
    [
        b"",
        b"# Title\n",
        b"---\n---\nx\n",
        b"---\n{license: gpl, tags: [a]}\n---\nx\n",
        b"---\n'license' : gpl\n---\nx\n",
        b"---\nlicense: |\n  gpl\n  more\nx: y\n---\nx\n",
        b"---\na: |\n  license: not this\nlicense:\n  - gpl\n---\nx\n",
        b"---\nlicense: &l gpl\nother: *l\n---\nx\n",
        b"---\nlicense: gpl\nlicense: lgpl\n---\nx\n",
        b"---\r\nlicense: gpl\r\n---\r\nx\r\n",
    ],
)
def test_edit_ends_at_what_was_asked(old):
    before = parse(old)
    new = edit(old, {"license": "mit"})
    check(new)
    after = parse(new)
    assert after.license == "mit"
    assert {k: v for k, v in after.front.items() if k != "license"} == {
        k: v for k, v in before.front.items() if k != "license"
    }
    assert after.body.strip() == before.body.strip()


def test_edit_of_the_body_and_of_broken_cards():
    assert edit(b"---\na: b\n---\nold\n", {}, body="new") == b"---\na: b\n---\n\nnew\n"
    with pytest.raises(InvalidCard):
        edit(b"---\na: [\n---\n", {"license": "mit"})
