"""What a header or a configuration claims about the weights, held against the weights."""

import json

import numpy as np
import pytest

from lorahub.adapters import AdapterFileError, inspect_file, read_header, summarise
from lorahub.adapters.report_header import header_report
from lorahub.cli import main
from support import loras
from support.weights import kohya, save

RNG = np.random.default_rng(29)
HEAD = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_"
SHAPES = [(f"{HEAD}attn1_to_q", 320, 320), (f"{HEAD}attn2_to_k", 768, 320)]
PEFT = {"peft_type": "LORA", "r": 4, "lora_alpha": 8}


def warned(report, code="header_differs"):
    return [each for each in report["warnings"] if each["code"] == code]


def reports(path, config=None):
    """From the whole file, and from its header alone."""
    with path.open("rb") as file:
        header = read_header(file, path.stat().st_size)
    return inspect_file(path, config), header_report(header, summarise(header, config), config)


def test_another_alpha_than_the_weights_have(tmp_path):
    metadata = {"ss_network_dim": "4", "ss_network_alpha": "4"}
    path = save(tmp_path / "a.safetensors", kohya(SHAPES, 4, RNG, alpha=8.0), metadata)
    report = inspect_file(path)
    (told,) = warned(report)
    assert told["keys"] == ["ss_network_alpha"]
    assert "ss_network_alpha says 4, but the weights have 8" in told["message"]
    assert report["alpha"] == 8
    assert {module["alpha"] for module in report["modules"]} == {8}


def test_another_rank_than_the_weights_have(tmp_path):
    metadata = {"ss_network_dim": "32", "ss_network_alpha": "4.0"}
    path = save(tmp_path / "a.safetensors", kohya(SHAPES, 4, RNG, alpha=4.0), metadata)
    for report in reports(path):
        (told,) = warned(report)
        assert "ss_network_dim says 32, but the weights have 4:" in told["message"]


def test_mixed_ranks_are_named_as_a_range(tmp_path):
    arrays = kohya(SHAPES[:1], 4, RNG) | kohya(SHAPES[1:], 16, RNG)
    path = save(tmp_path / "a.safetensors", arrays, {"ss_network_dim": "8"})
    assert "the weights have 4 to 16" in warned(inspect_file(path))[0]["message"]


@pytest.mark.parametrize(
    "metadata",
    [
        {"ss_network_dim": "4", "ss_network_alpha": "8.0"},
        {"ss_network_dim": "Dynamic", "ss_network_alpha": "Dynamic"},
        {"ss_network_dim": "None", "ss_network_alpha": "None"},
        {"ss_network_alpha": "0"},
        {"ss_network_alpha": "4", "ss_network_args": json.dumps({"rs_lora": "True"})},
        {"ss_network_dim": "[", "ss_network_alpha": "nan", "ss_network_args": "[" * 9},
    ],
)
def test_no_complaint_about_what_agrees_or_says_nothing(tmp_path, metadata):
    path = save(tmp_path / "a.safetensors", kohya(SHAPES, 4, RNG, alpha=8.0), metadata)
    assert warned(inspect_file(path)) == []


def test_methods_that_count_otherwise_are_left_alone(tmp_path):
    at = f"{HEAD}attn1_to_q.lokr_w"
    arrays = {f"{at}1": np.ones((4, 4), "f4"), f"{at}2": np.ones((80, 80), "f4")}
    path = save(tmp_path / "a.safetensors", arrays, {"ss_network_dim": "10000"})
    assert warned(inspect_file(path)) == []


@pytest.mark.parametrize("pattern", [{}, {"v_proj": 4}])
def test_a_configuration_of_another_rank(tmp_path, pattern):
    loras.peft_folder(tmp_path / "p", loras.llama_modules())
    path = tmp_path / "p" / "adapter_model.safetensors"
    config = PEFT | {"r": 16, "rank_pattern": pattern}
    found = [warned(report) for report in reports(path, config)]
    assert all(len(each) == (0 if pattern else 1) for each in found)
    if not pattern:
        assert "adapter_config.json r says 16, but the weights have 4" in found[0][0]["message"]


def test_a_diffusers_header_of_another_rank(tmp_path):
    arrays = {
        "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k.lora_A.weight": (4, 768),
        "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k.lora_B.weight": (1280, 4),
    }
    metadata = {"lora_adapter_metadata": json.dumps({"unet.r": 32, "unet.lora_alpha": 32})}
    path = save(
        tmp_path / "a.safetensors", {k: np.ones(v, "f4") for k, v in arrays.items()}, metadata
    )
    for report in reports(path):
        assert warned(report)[0]["keys"] == ["lora_adapter_metadata unet.r"]


# ---- adapter_config.json ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "odd"),
    [("BOFT", True), ("IA3", True), ("FOURIERFT", True), ("LORA", False), ("ADALORA", False)],
)
def test_a_configuration_of_another_method(tmp_path, kind, odd):
    loras.peft_folder(tmp_path / "p", loras.llama_modules())
    path = tmp_path / "p" / "adapter_model.safetensors"
    for report in reports(path, PEFT | {"peft_type": kind}):
        found = warned(report, "config_other_method")
        assert len(found) == odd
        if odd:
            assert f"says {kind}, but the tensors are those of lora" in found[0]["message"]


def test_lora_in_the_configuration_of_other_tensors(tmp_path):
    path = save(
        tmp_path / "a.safetensors",
        {"base_model.model.model.layers.0.self_attn.k_proj.ia3_l": np.ones((64, 1), "f4")},
    )
    assert warned(inspect_file(path, PEFT), "config_other_method")
    assert not warned(inspect_file(path, {"peft_type": "IA3"}), "config_other_method")


BROKEN = {
    "not JSON": (b"{", "config_invalid"),
    "twice": (b'{"r": 4, "r": 8}', "config_invalid"),
    "a list": (b"[]", "config_invalid"),
    "too large": (b" " * 300_000 + b"{}", "config_invalid"),
    "a bad alpha": (b'{"peft_type": "LORA", "r": 4, "lora_alpha": "eight"}', "config_bad_alpha"),
    "a strange type": (b'{"peft_type": "MAGIC"}', "config_unknown_type"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_configuration_that_cannot_be_used_is_said(tmp_path, capsys, case):
    data, code = BROKEN[case]
    folder = tmp_path / "p"
    loras.peft_folder(folder, loras.llama_modules())
    (folder / "adapter_config.json").write_bytes(data)
    for options in ([], ["--header"]):
        assert main(["inspect", str(folder), "--json", *options]) == 0
        (report,) = json.loads(capsys.readouterr().out)
        assert report["warnings"][0]["code"] == code
        assert len(warned(report, code)) == 1
        assert "adapter_config.json" in report["warnings"][0]["message"]
    assert inspect_file(folder)["warnings"][0]["code"] == code


def test_parsed_fields_that_break_the_rules_are_said(tmp_path):
    loras.peft_folder(tmp_path / "p", loras.llama_modules())
    path = tmp_path / "p" / "adapter_model.safetensors"
    for report in reports(path, PEFT | {"lora_alpha": "eight"}):
        assert report["warnings"][0]["code"] == "config_bad_alpha"
        assert report["warnings"][0]["keys"] == ["lora_alpha"]


def test_a_folder_is_inspected_with_its_configuration(tmp_path):
    loras.peft_folder(tmp_path / "p", loras.llama_modules())
    report = inspect_file(tmp_path / "p")
    assert report["alpha"] == 8
    assert report["warnings"] == []
    known = {"peft_type": "LORA", "r": 4, "lora_alpha": 16}
    assert inspect_file(tmp_path / "p", known)["alpha"] == 16
    (tmp_path / "p" / "adapter_model.safetensors").unlink()
    with pytest.raises(AdapterFileError) as caught:
        inspect_file(tmp_path / "p")
    assert caught.value.code == "no_single_adapter"
    loras.peft_folder(tmp_path / "q" / "unet", loras.llama_modules())
    loras.peft_folder(tmp_path / "q" / "text_encoder", loras.llama_modules())
    with pytest.raises(AdapterFileError) as caught:
        inspect_file(tmp_path / "q")
    assert caught.value.code == "no_single_adapter"
