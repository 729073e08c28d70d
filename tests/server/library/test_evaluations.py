"""Results of cards: read with patience, bounded where something bounds them, compared."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lorahub_server.library import card as cards
from lorahub_server.library import compared, evaluations
from lorahub_server.library import service as library
from lorahub_server.repos import service as repos
from support.inside import adapter

INDEX = """---
base_model: {base}
model-index:
- name: glass
  results:
  - task: {{type: text-generation}}
    dataset: {{type: cais/mmlu, name: MMLU, config: all, split: test}}
    metrics:
    - {{type: acc, name: Accuracy, value: {value}, n: 400}}
    - {{type: rouge, value: 0.31}}
    - {{type: rouge_stderr, value: 0.01}}
---
"""


def index(value: float, base: str = "Some/Base") -> bytes:
    return INDEX.format(value=value, base=base).encode()


def read(front: dict | bytes, *files: bytes) -> list[evaluations.Result]:
    data = front if isinstance(front, bytes) else b"---\n" + yaml.safe_dump(front).encode() + b"---"
    return evaluations.read(cards.parse(data), files)


def test_a_model_index():
    first, second = read(index(0.8))
    assert (first.dataset, first.dataset_name, first.config, first.split, first.metric_name) == (
        "cais/mmlu", "MMLU", "all", "test", "Accuracy",
    )  # fmt: skip
    assert first.method == "wilson"
    assert (first.low, first.high) == pytest.approx((0.7581, 0.8363), abs=1e-4)
    assert second.method == "normal"
    assert (second.low, second.high) == pytest.approx((0.2904, 0.3296), abs=1e-4)


def test_files():
    text = b"""
- dataset: {id: cais/hle, task_id: default}
  value: 20.9
  source: {url: "https://example.org/x", user: maren}
  notes: no tools
- dataset: {id: cais/hle, task_id: other}
  metric: accuracy
  value: 61.5
  n: 200
- value: 3
- text
"""
    first, second = read({}, text, b"a: [", b"\xff\xfe")
    assert (first.dataset, first.config, first.metric, first.low) == (
        "cais/hle", "default", "score", None,
    )  # fmt: skip
    assert (first.source_url, first.source_name) == ("https://example.org/x", "maren")
    assert (second.low, second.high) == pytest.approx((54.6, 68.0), abs=0.1)
    assert evaluations.is_file(".eval_results/a.yaml")
    assert not evaluations.is_file(".eval_results/a/b.yaml")
    assert not evaluations.is_file("x/.eval_results/a.yaml")


@given(st.floats(0, 1), st.integers(1, 10**9))
def test_wilson_holds_the_share(share, n):
    low, high = evaluations.wilson(share, n)
    assert 0 <= low <= share + 1e-9
    assert share - 1e-9 <= high <= 1


SCALARS = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8)
KEYS = st.sampled_from(
    ["results", "metrics", "dataset", "task", "args", "value", "type", "name", "n", "stderr", "url"]
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=30,
)


@given(ANYTHING)
def test_whatever_is_written_is_read_or_left(thing):
    card = cards.Card(front={"model-index": thing})
    for one in evaluations.read(card, [yaml.safe_dump(thing).encode()]):
        assert one.low is None or one.low <= one.value + 1e-6 <= one.high + 2e-6
        assert len(one.key) == 32


def test_results_are_compared_on_the_same_base(inside):
    def put(name: str, text: bytes, *, private: bool = False) -> None:
        inside.make_repo(name, private=private)
        sha256 = inside.upload(adapter(len(name)), "a.safetensors")
        inside.commit({"README.md": text, "a.safetensors": sha256}, name)

    put("one", index(0.8))
    put("second", index(0.7, "some/base"))
    put("elsewhere", index(0.9, "other/base"))
    put("secrets", index(0.6), private=True)

    def seen(who: str | None, name: str = "one") -> list[tuple[str, list[float]]]:
        with inside.look(who) as tx, inside.counted() as statements:
            repo = repos.get_repo(tx, "alice", name)
            before = len(statements)
            found = compared.of(tx, repo)
            assert len(statements) - before <= 2
        return [(x.result.metric, [other.value for other in x.others]) for x in found]

    assert seen(None) == [("acc", [0.7]), ("rouge", [0.31])]
    assert seen("alice") == [("acc", [0.6, 0.7]), ("rouge", [0.31, 0.31])]
    inside.commit({"README.md": index(0.75).replace(b"rouge", b"bleu")}, "second")
    assert seen(None) == [("acc", [0.75]), ("rouge", [])]
    inside.commit({"README.md": None}, "second")
    assert seen(None, "second") == []


def test_rows_are_made_again(inside):
    inside.make_repo("one")
    inside.commit({"README.md": index(0.8), ".eval_results/a.yaml": b"- dataset: {id: a/b}\n  value: 1\n"}, "one")  # fmt: skip
    with inside.look(None) as tx:
        repo = repos.get_repo(tx, "alice", "one")
        before = compared.of(tx, repo)
    assert len(before) == 3
    with inside.db.write() as session:
        compared.put(session, repo.id, [], [])
        library.rebuild_all(session)
    with inside.look(None) as tx:
        assert compared.of(tx, repos.get_repo(tx, "alice", "one")) == before
