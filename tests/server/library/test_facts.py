"""Families, configurations, licences and liveliness: rules without a database."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorahub.adapters.families import families_of_words, family_of_words
from lorahub_server.library import conflict, derive, licences, trending
from lorahub_server.library.card import parse
from lorahub_server.library.model import AdapterDetails
from lorahub_server.library.overlay import read_config, with_config, with_declared

OPEN = {
    "family": "llama",
    "family_confidence": "low",
    "family_candidates": ["llama", "mistral", "qwen"],
    "family_evidence": ["modules"],
    "method": "lora",
    "alpha": None,
    "traits": [],
}


def item(path="a.safetensors", size=1, **summary) -> AdapterDetails:
    return AdapterDetails(path=path, sha256="0" * 64, size=size, summary=summary)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("deepseek-ai/DeepSeek-R1-Distill-Llama-8B", ["deepseek", "llama"]),
        ("black-forest-labs/FLUX.2-dev", ["flux2"]),
        ("black-forest-labs/FLUX.1-dev", ["flux1"]),
        ("Qwen/Qwen-Image", ["qwen-image"]),
        ("stabilityai/stable-diffusion-3.5-large", ["sd3.5-large"]),
        ("stabilityai/stable-diffusion-xl-base-1.0", ["sdxl"]),
        ("meta-llama/Guard-3", ["llama"]),
        ("nobody/knows", []),
        ("", []),
    ],
)
def test_the_families_that_names_speak_of(name, expected):
    assert families_of_words(name) == expected
    assert family_of_words(name) == (expected[0] if expected else None)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("wan", "wan-14b", True),
        ("wan-14b", "wan", True),
        ("sd3", "sd3.5-large", True),
        ("sd1", "sd1", True),
        ("sd1", "sd2", False),
        ("flux1", "flux2", False),
        ("qwen", "qwen-image", False),
        ("qwen", "qwen-image-edit", False),
        ("qwen-image", "qwen-image-edit", True),
        ("kolors", "sdxl", True),
        ("kolors", "sd1", False),
        ("skyreels-v2", "wan-14b", True),
        ("shapes", "sd1", False),
        ("ltx2", "ltx-video", False),
    ],
)
def test_sizes_of_one_family(one, other, same):
    assert conflict.same_line(one, other) is same
    assert conflict.same_line(other, one) is same


@pytest.mark.parametrize(
    ("bases", "summary", "found"),
    [
        (["stabilityai/stable-diffusion-xl-base-1.0"], {"family": "sd1", "family_candidates": ["sd1"]}, "sd1"),
        (["stabilityai/stable-diffusion-xl-base-1.0"], {"family": "sd1", "family_candidates": ["sd1", "sdxl"]}, None),
        (["a/flux-thing", "b/sdxl-thing"], {"family": "sdxl", "family_candidates": ["sdxl"]}, None),
        (["nobody/knows"], {"family": "sd1", "family_candidates": ["sd1"]}, None),
        ([], {"family": "sd1", "family_candidates": ["sd1"]}, None),
        (["a/sdxl"], {"family": None, "family_candidates": []}, None),
        (["a/sdxl"], {"family": "sd1", "family_candidates": "odd"}, "sd1"),
        (["deepseek-ai/DeepSeek-R1-Distill-Llama-8B"], {"family": "llama", "family_candidates": ["llama"]}, None),
    ],
)  # fmt: skip
def test_conflicts(bases, summary, found):
    clash = conflict.find(bases, [item(family_confidence="high", **summary)])
    assert (clash.detected if clash else None) == found


def test_a_configuration_adds_what_only_it_knows():
    config = {
        "lora_alpha": 32,
        "use_rslora": True,
        "use_dora": True,
        "base_model_name_or_path": "Qwen/Qwen2-0.5B",
        "task_type": "CAUSAL_LM",
    }
    facts = with_config(OPEN, config)
    assert (facts["alpha"], facts["method"], facts["task_type"]) == (32, "dora", "CAUSAL_LM")
    assert facts["traits"] == ["use_dora", "use_rslora"]
    assert (facts["family"], facts["family_confidence"]) == ("qwen", "medium")
    assert facts["family_evidence"][0] == "modules"
    assert with_config(facts, config) == facts
    assert OPEN["family"] == "llama"
    assert with_config(OPEN, None) == OPEN


def test_names_never_overrule_structure():
    sure = {**OPEN, "family": "sdxl", "family_confidence": "high", "family_candidates": ["sdxl"]}
    assert with_config(sure, {"base_model_name_or_path": "Qwen/Qwen2"})["family"] == "sdxl"
    assert with_declared(sure, "qwen") == sure
    assert with_declared(OPEN, "gemma")["family"] == "llama"
    assert with_declared(OPEN, "mistral")["family"] == "mistral"
    assert with_declared(OPEN, None) == OPEN
    empty = {**OPEN, "family": None, "family_candidates": []}
    assert with_config(empty, {"base_model_name_or_path": "google/gemma-2b"})["family"] == "gemma"


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"a":' * 9000, b" " * 300_000 + b"{}"]
)
def test_what_is_no_configuration(data):
    assert read_config(data) is None


def test_a_configuration_is_cut_to_what_is_known():
    found = read_config(
        json.dumps(
            {
                "base_model_name_or_path": "C:\\Users\\bob\\models\\llama",
                "r": "8",
                "lora_alpha": 1e400,
                "use_dora": "yes",
                "lora_dropout": 0.5,
                "target_modules": ["q", 7, "v" * 500],
                "modules_to_save": "head",
                "task_type": "x\0y" * 200,
                "secret": "token",
            }
        ).encode()
    )
    assert found["base_model_name_or_path"] == "llama"
    assert (found["r"], found["lora_dropout"]) == (8, 0.5)
    assert found["target_modules"] == ["q", "v" * 100]
    assert found["modules_to_save"] == "head"
    assert not {"secret", "use_dora", "lora_alpha"} & set(found)
    assert len(found["task_type"]) <= 200
    assert "\0" not in found["task_type"]


@given(st.dictionaries(st.sampled_from(["r", "lora_alpha", "task_type", "target_modules", "use_dora"]),
                       st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=9),
                                    lambda some: st.lists(some, max_size=4), max_leaves=6)))  # fmt: skip
def test_any_configuration_is_read(config):
    found = read_config(json.dumps(config).encode())
    json.dumps(with_config(OPEN, found), allow_nan=False)


def test_licences():
    known = licences.choices()
    assert len({licence.id for licence in known}) == len(known) > 60
    assert all(licence.id == licence.id.lower() for licence in known)
    assert all(licence.meaning.endswith(".") and licence.name for licence in known)
    assert known[0].id == "apache-2.0"
    assert licences.licence_of("Apache-2.0").commercial is True
    assert licences.licence_of("cc-by-nc-4.0").commercial is False
    assert licences.licence_of("my-own").name == "my-own"
    assert licences.licence_of(None) is None


@pytest.mark.parametrize(
    ("license_id", "name", "expected"),
    [
        ("mit", None, "mit"),
        ("other", "flux-1-dev-non-commercial-license", "flux-1-dev-non-commercial-license"),
        ("other", "FLUX-1-dev-non-commercial", "flux-1-dev-non-commercial-license"),
        ("other", "my own", "other"),
        (None, "faipl-1.0-sd", "faipl-1.0-sd"),
        (None, "my own", None),
        ("mit", "apache-2.0", "mit"),
        (None, None, None),
    ],
)
def test_the_licence_that_counts(license_id, name, expected):
    assert licences.effective(license_id, name) == expected


NOW = datetime(2026, 6, 1, tzinfo=UTC)
MOMENTS = st.integers(-5 * 365, 30 * 365).map(lambda days: NOW + timedelta(days=days, seconds=1))


def test_liveliness_fades_by_half():
    one_now = trending.level(1, NOW)
    two_a_week_ago = trending.level(2, NOW - trending.HALF_LIFE)
    assert one_now == pytest.approx(two_a_week_ago)
    both = trending.plus(one_now, 2, NOW - trending.HALF_LIFE)
    assert both == pytest.approx(trending.level(2, NOW))


@given(st.lists(st.tuples(st.floats(0.5, 1000), MOMENTS), min_size=1, max_size=20), st.randoms())
def test_the_order_of_events_does_not_count(events, dice):
    def total(those) -> float:
        level = 0.0
        for weight, moment in those:
            level = trending.plus(level, weight, moment)
        return level

    shuffled = list(events)
    dice.shuffle(shuffled)
    assert total(events) == pytest.approx(total(shuffled))
    assert total(events) >= max(trending.level(*event) for event in events)


@given(MOMENTS, MOMENTS, st.floats(0.5, 100))
def test_what_is_taken_back_is_gone(first, second, weight):
    base = trending.level(4, first)
    after = trending.minus(trending.plus(base, weight, second), weight, second, least=base)
    # Of a sum in which the rest drowns nothing can be told; then the least is what counts.
    assert base <= after <= trending.plus(base, weight, second)
    if abs(first - second) < timedelta(days=100):
        assert after == pytest.approx(base, abs=0.01)


def test_covers():
    def cover(card: str, *paths: str) -> str | None:
        return derive.cover_of(parse(card.encode()), paths)

    widget = "---\nwidget:\n- output: {{url: {}}}\n---\n"
    assert cover(widget.format("images/a%20b.png"), "z.png", "images/a b.png") == "images/a b.png"
    assert cover(widget.format("./x.png"), "x.png") == "x.png"
    assert cover(widget.format("https://e.example/x.png"), "z.png") == "z.png"
    assert cover(widget.format("../x.png"), "z.png") == "z.png"
    assert cover("", "b.jpg", "PREVIEW.WEBP", "a.png") == "PREVIEW.WEBP"
    assert cover("", "deep/cover.png", "b.jpg", "c.jpg") == "b.jpg"
    assert cover("", "a.svg", "deep/a.png", "model.safetensors") is None


def test_health_is_the_worst_of_all():
    def health(**facts):
        found = item(modules=4)
        found.state, found.health = "done", facts
        return found

    good, nan = health(nan_count=0), health(nan_count=1)
    waiting, failed = item(), item()
    failed.state = "failed"
    assert derive.health_of([]) == "none"
    assert derive.health_of([good]) == "ok"
    assert derive.health_of([good, waiting]) == "waiting"
    assert derive.health_of([waiting, failed]) == "failed"
    assert derive.health_of([failed, nan, waiting]) == "damaged"
    # Trainers write modules of a part that they never touched; only a file of nothing is dead.
    assert derive.health_of([health(zero_count=3)]) == "ok"
    assert derive.health_of([health(zero_count=4)]) == "damaged"


@pytest.mark.parametrize(
    ("name", "title"),
    [("my-cool_style", "My cool style"), ("SDXL-Glass", "SDXL Glass"), ("a", "A"), ("-", "-")],
)
def test_a_name_as_a_title(name, title):
    assert derive.prettified(name) == title


def test_the_one_that_stands_for_all():
    paths = [("deep/a", 9), ("c", 2), ("b", 5), ("a", 2)]
    assert [x.path for x in derive.order(item(p, s) for p, s in paths)] == ["b", "a", "c", "deep/a"]
