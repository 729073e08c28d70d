"""One description out of everything that trainers write, and the words that call a subject."""

import json

import numpy as np
import pytest
import safetensors.numpy

from lorahub.adapters import StreamInspector, describe, parse_config, parse_header
from lorahub.adapters.description import EMPTY_SHA256, claimed_hashes
from lorahub.adapters.triggers import Trigger, triggers
from support.adapters import kohya_metadata

SHA = "ab" * 32


def test_kohya():
    found = describe(
        kohya_metadata()
        | {
            "ss_sd_model_hash": "a1b2c3d4",
            "ss_new_sd_model_hash": "AB" * 32,
            "ss_network_args": json.dumps({"conv_dim": "8", "algo": "lora"}),
            "ss_training_comment": "best at weight 0.8",
            "modelspec.license": "apache-2.0",
            "modelspec.description": "A *glass* style",
        }
    )
    assert (found.trainer, found.title, found.license) == (
        "sd-scripts",
        "kohya_style",
        "apache-2.0",
    )
    assert found.network == {
        "module": "networks.lora",
        "dim": 4,
        "alpha": 4,
        "args": {"conv_dim": "8", "algo": "lora"},
    }
    assert (found.training["steps"], found.training["learning_rate"]) == (1000, 0.0001)
    assert found.training["optimizer"] == "AdamW8bit"
    assert found.base_model == "tiny-stable-diffusion.safetensors"
    assert found.base_hashes == {"sd_model_hash": "a1b2c3d4", "new_sd_model_hash": "ab" * 32}
    assert found.strength is not None
    assert (found.strength.value, found.strength.source) == (0.8, "ss_training_comment")
    assert found.notes == ["A *glass* style", "best at weight 0.8"]
    assert [(each.word, each.source, each.count, each.images) for each in found.triggers] == [
        ("glasspaint style", "folder", None, None),
        ("glasspaint", "tags", 20, 20),
    ]
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("metadata", "trainer"),
    [
        ({"software": json.dumps({"name": "ai-toolkit", "version": "0.1"})}, "ai-toolkit 0.1"),
        ({"ot_revision": "x", "modelspec.title": "t"}, "OneTrainer"),
        ({"ss_network_module": "lycoris.kohya"}, "sd-scripts with LyCORIS"),
        ({"ss_network_module": "networks.lora_wan"}, "musubi-tuner"),
        ({"ss_network_module": "networks.lora_flux"}, "sd-scripts"),
        ({"sshs_model_hash": SHA}, "sd-scripts"),
        ({"lora_adapter_metadata": json.dumps({"unet.r": 4})}, "diffusers"),
        ({"format": "pt"}, None),
    ],
)
def test_the_trainer_is_named(metadata, trainer):
    assert describe(metadata).trainer == trainer


def test_peft():
    config = parse_config(
        json.dumps(
            {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["b", "a"], "peft_version": "0.21.2",
             "base_model_name_or_path": "/home/alice/llama", "layer_replication": [[0, 9]]}
        ).encode()
    )  # fmt: skip
    found = describe({"format": "pt"}, config)
    assert found.trainer == "PEFT 0.21.2"
    assert found.base_model == "llama"
    assert found.config == {
        "peft_type": "LORA",
        "r": 8,
        "lora_alpha": 16,
        "target_modules": ["b", "a"],
    }
    assert any("layer_replication" in line for line in found.warnings)


@pytest.mark.parametrize(
    ("key", "value", "verdict"),
    [
        ("sshs_model_hash", SHA, "right"),
        ("sshs_model_hash", "cd" * 32, "wrong"),
        ("modelspec.hash_sha256", f"0x{SHA}", "right"),
        ("modelspec.hash_sha256", f"0x{SHA[:-1]}0", "wrong"),
        ("sshs_model_hash", EMPTY_SHA256, "empty"),
        ("sshs_model_hash", "e3b0c44298fc", "empty"),
        ("modelspec.hash_sha256", f"0x{EMPTY_SHA256}", "empty"),
        ("sshs_legacy_hash", "e3b0c442", "empty"),
        ("sshs_legacy_hash", "a1b2c3d4", "unchecked"),
        ("sshs_model_hash", "<script>", "malformed"),
    ],
)
def test_claimed_hashes_are_judged(key, value, verdict):
    (claim,) = claimed_hashes({key: value}, SHA)
    assert (claim.key, claim.verdict) == (key, verdict)
    warned = describe({key: value}, data_sha256=SHA).warnings
    assert bool(warned) == (verdict in {"wrong", "empty", "malformed"})


def test_a_claim_is_checked_against_the_file_itself():
    arrays = {
        f"lora_unet_x.lora_{way}.weight": np.ones((2, 2), np.float16) for way in ("down", "up")
    }
    plain = safetensors.numpy.save(arrays)
    header = parse_header(plain, len(plain))
    inspector = StreamInspector(len(plain))
    inspector.feed(plain)
    true = inspector.finish().data_sha256
    content = safetensors.numpy.save(arrays, {"sshs_model_hash": true})
    again = StreamInspector(len(content))
    again.feed(content)
    found = again.finish()
    assert found.data_sha256 == true
    claims = claimed_hashes(parse_header(content, len(content)).metadata, found.data_sha256)
    assert [claim.verdict for claim in claims] == ["right"]
    assert claimed_hashes(header.metadata, true) == []


def test_trigger_words_have_counts_and_sources():
    metadata = {
        "modelspec.trigger_phrase": "(Sks Dog:1.2), ohwx",
        "ss_dataset_dirs": json.dumps(
            {"10_sks dog": {"img_count": 20}, "1_1_reg": {"img_count": 5}}
        ),
        "ss_tag_frequency": json.dumps(
            {"10_sks dog": {"sks dog": 20, "grass": 19, "cat": 3, "sks \\(dog\\)": 20}}
        ),
    }
    assert triggers(metadata) == [
        Trigger("Sks Dog", "declared", 20, 20),
        Trigger("ohwx", "declared", None, None),
        Trigger("1_reg", "folder", None, None),
        Trigger("sks (dog)", "tags", 20, 20),
        Trigger("grass", "tags", 19, 20),
    ]


def test_tags_in_the_list_of_datasets_count_too():
    told = [
        {"tag_frequency": {"x": {"glass": 9, "blue": 2}}, "subsets": [{"class_tokens": "glass"}]}
    ]
    assert triggers({"ss_datasets": json.dumps(told)}) == [Trigger("glass", "class", 9, None)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("use <lora:glass:0.65> in the prompt", 0.65),
        ("Strength: 0.7-1.0", 0.7),
        ("recommended weight is 1", 1.0),
        ("weight 15", None),
        ("strong", None),
        ("", None),
    ],
)
def test_a_suggested_strength(text, value):
    found = describe({"modelspec.usage_hint": text}).strength
    assert (found.value if found else None) == value


@pytest.mark.parametrize(
    "bomb", ["[" * 100_000, "{", "9" * 9000, "NaN", '{"a":' * 9000, "\ud800", "weight " * 9000]
)
def test_bombs_are_harmless(bomb):
    keys = (
        "software", "ss_network_args", "ss_datasets", "ss_tag_frequency", "lora_adapter_metadata", "sshs_model_hash",
        "ss_training_comment", "modelspec.description", "ss_network_dim", "ss_network_module", "training_info",
    )  # fmt: skip
    json.dumps(describe(dict.fromkeys(keys, bomb)).to_dict(), allow_nan=False)
