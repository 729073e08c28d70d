"""One object about a file, with keys that are promised."""

import contextlib
import json
import tempfile
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lorahub.adapters
from lorahub.adapters import AdapterFileError, inspect_file, parse_header, summarise
from lorahub.adapters.report_header import header_report
from support.weights import TORCH_DTYPES, kohya, packed, save

SCHEMA = json.loads(
    (Path(lorahub.adapters.__file__).parent / "inspection.schema.json").read_text("utf-8")
)
RNG = np.random.default_rng(17)
HEAD = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_"
SHAPES = [(f"{HEAD}attn1_to_q", 320, 320), (f"{HEAD}attn2_to_k", 768, 320)]


def valid(report):
    jsonschema.Draft202012Validator(SCHEMA).validate(report)
    json.dumps(report, allow_nan=False)
    return report


def normal(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


OTHERS = {
    "dora": {**kohya(SHAPES, 4, RNG), f"{HEAD}attn1_to_q.dora_scale": normal(320, 1)},
    "loha": {
        f"{HEAD}attn1_to_q.hada_{name}": normal(*shape)
        for name, shape in {
            "w1_a": (320, 4), "w1_b": (4, 320), "w2_a": (320, 4), "w2_b": (4, 320),
        }.items()
    },
    "lokr": {f"{HEAD}attn1_to_q.lokr_w1": normal(4, 4), f"{HEAD}attn1_to_q.lokr_w2": normal(80, 80)},
    "oft": {f"{HEAD}attn1_to_q.oft_blocks": normal(4, 8, 8)},
    "ia3": {"base_model.model.model.layers.0.self_attn.k_proj.ia3_l": normal(64, 1)},
    "prompt": {"prompt_embeddings": normal(8, 64)},
    "embedding": {"emb_params": normal(3, 768)},
    "vera": {
        "base_model.model.model.layers.0.self_attn.q_proj.vera_lambda_b": normal(64),
        "base_model.model.model.layers.0.self_attn.q_proj.vera_lambda_d": normal(8),
    },
    "full": {f"{HEAD}attn1_to_q.diff": normal(32, 32), f"{HEAD}attn1_to_q.diff_b": normal(32)},
    "half": {f"{HEAD}attn1_to_q.lora_down.weight": normal(4, 320)},
    "rest": {**kohya(SHAPES, 4, RNG), "something.else": normal(5)},
}  # fmt: skip


@pytest.mark.parametrize("kind", OTHERS)
def test_every_method_has_a_valid_report(kind, tmp_path):
    report = valid(inspect_file(save(tmp_path / "a.safetensors", OTHERS[kind])))
    assert report["measured"]
    assert len(report["modules"]) >= 1


def test_files_of_the_libraries(adapters):
    for path in (
        adapters.kohya,
        adapters.both / "pytorch_lora_weights.safetensors",
        adapters.unet / "pytorch_lora_weights.safetensors",
        adapters.peft("llama") / "adapter_model.safetensors",
    ):
        config = path.with_name("adapter_config.json")
        fields = json.loads(config.read_text()) if config.exists() else None
        report = valid(inspect_file(path, fields))
        assert report["health"]["sound"]
        assert report["sketch"]
        assert report["warnings"] == []
        assert {each["state"] for each in report["modules"]} == {"sound"}


def test_what_a_report_says(adapters):
    report = inspect_file(adapters.kohya)
    assert (report["layout"], report["method"], report["rank"], report["alpha"]) == (
        "kohya", "lora", 4, 4,
    )  # fmt: skip
    assert report["families"][0]["name"] == "sd1"
    assert report["families"][0]["confidence"] == "high"
    assert report["bytes"] == adapters.kohya.stat().st_size
    assert report["trigger_words"] == ["glasspaint style", "glasspaint"]
    assert report["metadata"]["training"]["steps"] == 1000
    assert [block["name"] for block in report["blocks"]][:2] == ["down.1.0", "mid"]
    assert {each["name"] for each in report["by_component"]} == {"unet", "text_encoder"}
    assert report["warnings"] == []
    module = report["modules"][0]
    assert len(module["singular_values"]) == 4
    assert module["frobenius"] == pytest.approx(np.linalg.norm(module["singular_values"]), rel=1e-5)
    assert report["strength"]["parameters"] + report["strength"]["modules"] == report["parameters"]
    tools = {tool["name"]: tool["loads"] for tool in report["tools"]}
    assert tools["ComfyUI"] == "yes"
    assert tools["PEFT"] == "no"


def test_the_header_alone_gives_the_same_keys(adapters):
    content = adapters.kohya.read_bytes()
    header = parse_header(content, len(content))
    short = valid(header_report(header, summarise(header)))
    whole = inspect_file(adapters.kohya)
    assert short.keys() == whole.keys()
    assert not short["measured"]
    assert short["modules"] == []
    same = ("layout", "method", "families", "rank", "dtypes", "trigger_words", "tools", "bytes")
    assert [short[key] for key in same] == [whole[key] for key in same]


def test_hashes_may_be_known_already(tmp_path):
    path = save(tmp_path / "a.safetensors", kohya(SHAPES, 4, RNG), {"sshs_model_hash": "0" * 64})
    report = valid(inspect_file(path))
    wrong = [each for each in report["warnings"] if each["code"] == "hash_mismatch"]
    assert wrong[0]["keys"] == ["sshs_model_hash"]
    given = {**report["hashes"], "data_sha256": report["data_sha256"]}
    again = inspect_file(path, hashes=given)
    assert again == report
    given["data_sha256"] = "0" * 64
    assert not inspect_file(path, hashes=given)["warnings"]


@pytest.mark.parametrize("dtype", TORCH_DTYPES)
def test_broken_numbers_in_every_dtype(dtype, tmp_path):
    arrays = kohya(SHAPES, 4, RNG)
    arrays[f"{SHAPES[0][0]}.lora_up.weight"][1, 1] = np.nan
    arrays[f"{SHAPES[1][0]}.lora_up.weight"][:] = 0
    path = tmp_path / "a.safetensors"
    path.write_bytes(packed(arrays, dtype=dtype))
    report = valid(inspect_file(path))
    assert not report["health"]["sound"]
    assert report["health"]["counts"] == {"nan": 1, "dead": 1}
    assert [each["code"] for each in report["warnings"]] == ["modules_nan", "modules_dead"]
    assert report["warnings"][0]["keys"] == [SHAPES[0][0]]
    assert report["modules"][0]["singular_values"] == []


def test_a_stored_alpha_that_is_no_number(tmp_path):
    arrays = kohya(SHAPES, 4, RNG, alpha=float("nan"))
    report = valid(inspect_file(save(tmp_path / "a.safetensors", arrays)))
    assert report["modules"][0]["alpha"] is None
    assert report["health"]["counts"] == {"nan": 2}


def test_strengths_of_a_peft_file_without_its_configuration(adapters, tmp_path):
    source = adapters.peft("gpt2") / "adapter_model.safetensors"
    report = valid(inspect_file(source))
    assert "scale_unknown" in [each["code"] for each in report["warnings"]]
    known = inspect_file(source, {"peft_type": "LORA", "r": 4, "lora_alpha": 8})
    assert known["alpha"] == 8
    assert known["strength"]["frobenius"] == pytest.approx(2 * report["strength"]["frobenius"])
    # A configuration that breaks the rules is not followed.
    broken = valid(inspect_file(source, {"peft_type": "LORA", "r": 4, "lora_alpha": "eight"}))
    assert broken["modules"][0]["scale"] is None


def test_files_that_are_none(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"\x80\x04.")
    with pytest.raises(AdapterFileError):
        inspect_file(path)


_ROLES = [
    "lora_down.weight", "lora_up.weight", "lora_mid.weight", "alpha", "dora_scale", "hada_w1_a",
    "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2", "lokr_w1", "lokr_w1_a",
    "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2", "diff", "diff_b", "oft_blocks",
    "lora_E", "lora_A", "lora_B", "ia3_l", "w_norm", "lora_embedding_A", "lora_embedding_B",
]  # fmt: skip
_shapes = st.lists(st.integers(1, 5), max_size=5)


@settings(deadline=None, max_examples=60)
@given(
    st.dictionaries(st.sampled_from(_ROLES), _shapes, min_size=1, max_size=5),
    st.sampled_from(["lora_unet_single_blocks_1_linear1", HEAD + "attn1_to_q", "unet.mid_block.x"]),
    st.sampled_from([0.0, 1.0, float("nan"), 3e38]),
)
def test_nonsense_is_refused_or_reported(roles, name, value):
    arrays = {f"{name}.{role}": np.full(shape, value, np.float32) for role, shape in roles.items()}
    with tempfile.NamedTemporaryFile(suffix=".safetensors") as file:
        file.write(packed(arrays))
        file.flush()
        with contextlib.suppress(AdapterFileError):
            valid(inspect_file(file.name))
