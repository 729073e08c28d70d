"""adapter_config.json is read by a schema; nothing in it is run, loaded or believed blindly."""

import json
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lorahub.adapters import AdapterFileError, parse_config
from lorahub.adapters.config import component_configs
from lorahub.adapters.patterns import read_pattern

GOOD = {
    "peft_type": "LORA",
    "r": 8,
    "lora_alpha": 16,
    "target_modules": ["q_proj", "v_proj"],
    "base_model_name_or_path": "meta-llama/Llama-2-7b-hf",
    "task_type": "CAUSAL_LM",
    "use_rslora": True,
    "modules_to_save": ["lm_head"],
    "rank_pattern": {"layers.0.q_proj": 4},
    "alpha_pattern": {"v_proj": 32.5},
    "unheard_of": {"deep": [1, 2]},
}


def read(**changes):
    return parse_config(json.dumps({**GOOD, **changes}).encode())


def test_what_is_known_is_kept():
    config = read()
    assert (config.peft_type, config.rank, config.alpha, config.use_rslora) == ("LORA", 8, 16, True)
    assert config.targets == ("q_proj", "v_proj")
    assert config.modules_to_save == ("lm_head",)
    assert config.base_model == "meta-llama/Llama-2-7b-hf"
    assert config.texts["task_type"] == "CAUSAL_LM"
    assert config.flagged == ()
    assert (config.rank_of("model.layers.0.q_proj"), config.rank_of("model.layers.1.q_proj")) == (
        4,
        8,
    )
    assert (config.alpha_of("a.v_proj"), config.alpha_of("a.av_proj")) == (32.5, 16)


REFUSED = {
    "no JSON": (b"{", "config_invalid"),
    "a list": (b"[]", "config_invalid"),
    "bytes": (b"\xff", "config_invalid"),
    "NaN": (b'{"lora_alpha": NaN}', "config_invalid"),
    "twice": (b'{"r": 1, "r": 2}', "config_invalid"),
    "deep": (b'{"a":' * 5000 + b"1" + b"}" * 5000, "config_invalid"),
    "too deep": (b'{"a":' * 20 + b"1" + b"}" * 20, "config_invalid"),
    "huge": (b'{"a": "' + b"x" * 300_000 + b'"}', "config_invalid"),
    "huge number": (b'{"r": ' + b"9" * 9000 + b"}", "config_invalid"),
    "unknown type": (b'{"peft_type": "EVIL"}', "config_unknown_type"),
    "type is a list": (b'{"peft_type": ["LORA"]}', "config_unknown_type"),
    "rank of ten millions": (b'{"r": 10000000}', "config_bad_rank"),
    "negative rank": (b'{"r": -1}', "config_bad_rank"),
    "no rank": (b'{"r": 0}', "config_bad_rank"),
    "true": (b'{"r": true}', "config_bad_rank"),
    "half": (b'{"r": 1.5}', "config_bad_rank"),
    "text": (b'{"r": "8"}', "config_bad_rank"),
    "pattern rank": (b'{"rank_pattern": {"q": 99999}}', "config_bad_rank"),
    "alpha is text": (b'{"lora_alpha": "1"}', "config_bad_alpha"),
    "huge alpha": (b'{"lora_alpha": 1e200}', "config_bad_alpha"),
    "infinite": (b'{"lora_alpha": 1e999}', "config_bad_alpha"),
    "patterns are a list": (b'{"rank_pattern": [1]}', "config_invalid"),
    "too many targets": (json.dumps({"target_modules": ["x"] * 6000}).encode(), "config_invalid"),
    "too many patterns": (
        json.dumps({"alpha_pattern": {f"a{i}": 1 for i in range(6000)}}).encode(),
        "config_invalid",
    ),
    "long pattern": (json.dumps({"target_modules": "x" * 30_000}).encode(), "config_invalid"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what):
    content, code = REFUSED[what]
    with pytest.raises(AdapterFileError) as caught:
        parse_config(content)
    assert caught.value.code == code
    assert "adapter_config.json" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("auto_mapping", {"parent_library": "os"}, "Python code"),
        ("megatron_core", "os", "Python code"),
        ("layer_replication", [[0, 2000]], "copies"),
        ("init_lora_weights", "pissa_niter_4", "base model"),
        ("layers_to_transform", [1, 2], "some layers"),
        ("target_parameters", ["x.weight"], "no modules"),
        ("loftq_config", {"a": 1}, "changes the base"),
        ("target_modules", r"(\w+\.?)+!", "never run"),
        ("rank_pattern", {r"(\w+\.?)+!": 4}, "too complicated"),
        ("tokenizer_name_or_path", "http://evil", "to load"),
    ],
)
def test_active_fields_are_flagged_and_dropped(field, value, says):
    config = read(**{field: value})
    assert any(says in line for line in config.flagged), config.flagged
    assert "evil" not in repr(config.texts)


def test_a_hanging_regular_expression_stays_text():
    start = time.monotonic()
    hang = r"(\w+\.?)+!"
    config = read(target_modules=hang, rank_pattern={hang: 2}, alpha_pattern={hang: 3})
    assert config.target_pattern == hang
    for n in range(200):
        assert config.rank_of(f"model.layers.{n}.self_attn.{'q' * 300}") == 8
    assert config.rank_of(hang) == 2
    assert time.monotonic() - start < 2


# What people write, and what only looks like it; PEFT's own rule is the oracle.
PIECES = st.sampled_from(
    ["q_proj", "layers", ".", r"\.", r"\d", r"\d+", ".*", "[0-9]+", "[q-v]", "(q|v)_proj", "(?:to_q|to_k)",
     "^", "$", "*", "+", "?", "a", "1", "|", "{2}", "(", ")", "\\", "[^a]", r"\w+", "x?"]
)  # fmt: skip
NAMES = st.lists(
    st.sampled_from(["q_proj", "v_proj", "layers", ".", "1", "23", "to_q", "a", "x", "-"]),
    max_size=7,
).map("".join)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=5).map("".join), NAMES)
def test_patterns_match_as_in_peft(pattern, name):
    read_one = read_pattern(pattern)
    if read_one is None:
        return
    assert read_one.matches(name) == bool(re.match(rf"(.*\.)?({pattern})$", name))


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        (r"^transformer_blocks\.0\.attn\.to_k", "transformer_blocks.0.attn.to_k", True),
        (r"^transformer_blocks\.0\.attn\.to_k", "a.transformer_blocks.0.attn.to_k", False),
        ("transformer_blocks.0.attn.to_k", "unet.transformer_blocks.0.attn.to_k", True),
        (r"layers\.\d+\.(q|v)_proj", "model.layers.12.v_proj", True),
        (r"layers\.\d+\.(q|v)_proj", "model.layers.12.k_proj", False),
        (r".*\.layers\.(1|2)\..*", "model.layers.2.mlp.up", True),
        (r"layers\.[0-9]+\.mlp", "model.layers.31.mlp", True),
        ("q_proj", "xq_proj", False),
    ],
)
def test_usual_patterns_are_understood(pattern, name, matches):
    found = read_pattern(pattern)
    assert found is not None
    assert found.matches(name) is matches


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a+)+",
        r"(\w+\.?)+!",
        "(a|a)*",
        "a{1,99999}",
        "(?=a)",
        r"(a)\1",
        "a**",
        "x" * 500,
        "(" * 99,
    ],
)
def test_other_patterns_are_not_followed(pattern):
    assert read_pattern(pattern) is None


def test_long_names_and_many_loops_stay_quick():
    pattern = read_pattern(".*" * 60 + "z")
    assert pattern is not None
    start = time.monotonic()
    assert not pattern.matches("a." * 200)
    assert time.monotonic() - start < 1


def test_many_patterns_for_many_modules_stay_quick():
    names = [f"^transformer_blocks\\.{n}\\.attn\\.to_q" for n in range(2400)]
    patterns = {name: n + 1 for n, name in enumerate(names)} | {f"(a|b)*{n}": 1 for n in range(900)}
    patterns |= {f"x.*{n}": 1 for n in range(900)}
    config = read(rank_pattern=patterns)
    start = time.monotonic()
    assert config.rank_of("transformer_blocks.17.attn.to_q") == 18
    assert config.rank_of("a.transformer_blocks.17.attn.to_q") == 8
    for n in range(100):
        assert config.rank_of(f"x.{n}.{'.'.join('abcdefgh')}") == 8
    assert time.monotonic() - start < 5


def test_the_first_pattern_wins():
    config = read(rank_pattern={r".*\.1\.q_proj": 2, "q_proj": 3, "^b.q_proj": 4})
    assert [config.rank_of(name) for name in ("a.1.q_proj", "b.q_proj", "q_proj")] == [2, 3, 3]


def test_the_header_of_diffusers_holds_configurations():
    told = {
        "unet.r": 4,
        "unet.lora_alpha": 2,
        "unet.rank_pattern": {"^a\\.b": 8},
        "text_encoder.r": 1e9,
        "x": 1,
    }
    found = component_configs({"lora_adapter_metadata": json.dumps(told)})
    assert list(found) == ["unet"]
    assert (found["unet"].rank, found["unet"].rank_of("a.b"), found["unet"].alpha) == (4, 8, 2)
