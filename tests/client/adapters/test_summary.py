"""Layouts, methods, families and facts, from headers alone."""

import json
import subprocess
import sys

import numpy as np
import pytest
import safetensors.numpy

from lorahub.adapters import AdapterFileError, parse_header, summarise


def facts(shapes, metadata=None, config=None):
    arrays = {name: np.zeros(shape, np.float16) for name, shape in shapes.items()}
    content = safetensors.numpy.save(arrays, metadata)
    return summarise(parse_header(content, len(content)), config)


def pair(name, n, m, r=4, *, down=".lora_A.weight", up=".lora_B.weight"):
    return {f"{name}{down}": (r, n), f"{name}{up}": (m, r)}


def kohya(name, n, m, r=4):
    return {
        **pair(name, n, m, r, down=".lora_down.weight", up=".lora_up.weight"),
        f"{name}.alpha": (),
    }


ATTN2 = "lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k"
LLAMA = "base_model.model.model.layers.0.self_attn.q_proj"
CASES = [
    (
        kohya("lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k", 768, 320),
        "kohya",
        "lora",
        "sd1",
    ),
    (
        kohya("lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k", 1024, 320),
        "kohya",
        "lora",
        "sd2",
    ),
    (kohya(ATTN2, 2048, 640), "kohya", "lora", "sdxl"),
    (
        {
            **kohya("lora_te1_text_model_encoder_layers_0_self_attn_q_proj", 768, 768),
            **kohya("lora_te2_text_model_encoder_layers_0_self_attn_q_proj", 1280, 1280),
        },
        "kohya",
        "lora",
        "sdxl",
    ),
    (
        {
            f"{ATTN2}.lora_down.weight": (4, 2048),
            f"{ATTN2}.lora_up.weight": (64, 4),
            f"{ATTN2}.dora_scale": (64, 1),
        },
        "kohya",
        "dora",
        "sdxl",
    ),
    (
        {
            **kohya(ATTN2, 2048, 640),
            "lora_unet_input_blocks_1_0_in_layers_2.lora_down.weight": (4, 32, 3, 3),
            "lora_unet_input_blocks_1_0_in_layers_2.lora_up.weight": (32, 4, 1, 1),
        },
        "kohya",
        "locon",
        "sdxl",
    ),
    (
        {
            f"{ATTN2}.hada_w1_a": (640, 4),
            f"{ATTN2}.hada_w1_b": (4, 2048),
            f"{ATTN2}.hada_w2_a": (640, 4),
            f"{ATTN2}.hada_w2_b": (4, 2048),
            f"{ATTN2}.alpha": (),
        },
        "kohya",
        "loha",
        "sdxl",
    ),
    (
        {
            f"{ATTN2}.lokr_w1": (10, 32),
            f"{ATTN2}.lokr_w2_a": (64, 4),
            f"{ATTN2}.lokr_w2_b": (4, 64),
        },
        "kohya",
        "lokr",
        "sdxl",
    ),
    ({f"{ATTN2}.oft_blocks": (4, 16, 16), f"{ATTN2}.alpha": ()}, "kohya", "oft", "sd1"),
    ({f"{ATTN2}.oft_blocks": (3, 4, 16, 16)}, "kohya", "boft", "sd1"),
    ({f"{ATTN2}.diff": (64, 64)}, "kohya", "full", "sd1"),
    ({f"{ATTN2}.weight": (64,), f"{ATTN2}.on_input": ()}, "kohya", "ia3", "sd1"),
    (
        pair("unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k", 768, 320),
        "diffusers",
        "lora",
        "sd1",
    ),
    (
        {
            "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.processor.to_k_lora.down.weight": (
                4,
                768,
            ),
            "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.processor.to_k_lora.up.weight": (
                320,
                4,
            ),
        },
        "diffusers-legacy",
        "lora",
        "sd1",
    ),
    (
        pair("transformer.single_transformer_blocks.3.norm.linear", 3072, 9216),
        "diffusers",
        "lora",
        "flux1",
    ),
    (kohya("lora_unet_double_blocks_0_img_mod_lin", 3072, 18432), "kohya", "lora", "flux1"),
    (
        {
            f"double_blocks.0.processor.qkv_lora1.{way}.weight": shape
            for way, shape in (("down", (4, 3072)), ("up", (9216, 4)))
        },
        "xlabs",
        "lora",
        "flux1",
    ),
    (kohya("lora_unet_double_blocks_0_img_mlp_fc1", 3072, 12288), "kohya", "lora", "hunyuan-video"),
    (pair("diffusion_model.blocks.0.self_attn.q", 5120, 5120), "comfyui", "lora", "wan-14b"),
    (pair("transformer.blocks.0.attn1.to_q", 1536, 1536), "diffusers", "lora", "wan-1.3b"),
    (
        pair("transformer.transformer_blocks.0.img_mlp.net.0.proj", 3072, 12288),
        "diffusers",
        "lora",
        "qwen-image",
    ),
    (
        pair("transformer.transformer_blocks.0.attn.add_q_proj", 2432, 2432),
        "diffusers",
        "lora",
        "sd3.5-large",
    ),
    (kohya("lora_unet_joint_blocks_0_x_block_attn_qkv", 1536, 4608), "kohya", "lora", "sd3"),
    (pair("diffusion_model.layers.0.attention.qkv", 3840, 11520), "comfyui", "lora", "z-image"),
    (pair("diffusion_model.layers.0.attention.qkv", 2304, 3840), "comfyui", "lora", "lumina2"),
    (
        pair("transformer.transformer_blocks.0.attn1.to_q", 1152, 1152),
        "diffusers",
        "lora",
        "pixart",
    ),
    (pair(LLAMA, 64, 64), "peft", "lora", "llama"),
    (pair("base_model.model.transformer.h.0.attn.c_attn", 768, 2304), "peft", "lora", "gpt2"),
    (
        pair("base_model.model.roberta.encoder.layer.0.attention.self.query", 64, 64),
        "peft",
        "lora",
        "roberta",
    ),
    (
        pair("base_model.model.bert.encoder.layer.0.attention.self.query", 64, 64),
        "peft",
        "lora",
        "bert",
    ),
    (
        pair("base_model.model.decoder.block.0.layer.0.SelfAttention.q", 64, 64),
        "peft",
        "lora",
        "t5",
    ),
    ({f"{LLAMA}.ia3_l": (64, 1)}, "peft", "ia3", "llama"),
    (
        {f"{LLAMA}.lora_A": (4, 64), f"{LLAMA}.lora_B": (64, 4), f"{LLAMA}.lora_E": (4, 1)},
        "peft",
        "adalora",
        "llama",
    ),
    ({f"{LLAMA}.oft_R.weight": (4, 6)}, "peft", "oft", "llama"),
    ({f"{LLAMA}.vera_lambda_b": (64,), f"{LLAMA}.vera_lambda_d": (8,)}, "peft", "vera", "llama"),
    (
        pair(LLAMA, 64, 64, down=".lora_A.default.weight", up=".lora_B.default.weight"),
        "peft",
        "lora",
        "llama",
    ),
    ({"clip_l": (2, 768), "clip_g": (2, 1280)}, "embedding", "textual-inversion", "sdxl"),
    ({"<cat>": (1, 768)}, "embedding", "textual-inversion", "sd1"),
]


@pytest.mark.parametrize(("shapes", "layout", "method", "family"), CASES)
def test_recognised(shapes, layout, method, family):
    found = facts(shapes)
    assert (found.layout, found.method, found.family) == (layout, method, family)
    json.dumps(found.to_dict())


def test_metadata_of_the_same_line_agrees():
    found = facts(
        pair("diffusion_model.blocks.0.self_attn.q", 5120, 5120),
        {"ss_base_model_version": "wan2.1"},
    )
    assert found.family_evidence[-1] == "metadata ss_base_model_version"


def test_prompt_tuning_takes_its_name_from_the_configuration():
    shapes = {"prompt_embeddings": (8, 64)}
    assert facts(shapes).method == "prompt-tuning"
    config = {"peft_type": "PREFIX_TUNING", "base_model_name_or_path": "org/tiny-llama"}
    found = facts(shapes, config=config)
    assert (found.method, found.family, found.family_confidence) == (
        "prefix-tuning",
        "llama",
        "low",
    )


def test_the_configuration_chooses_among_what_the_structure_leaves_open():
    found = facts(
        pair(LLAMA, 64, 64),
        config={"base_model_name_or_path": "Qwen/Qwen2.5-0.5B", "lora_alpha": 16},
    )
    assert (found.family, found.family_confidence, found.alpha) == ("qwen", "medium", 16)
    forged = facts(kohya(ATTN2, 2048, 640), {"ss_base_model_version": "sd_v1"})
    assert forged.family == "sdxl"
    assert "metadata ss_base_model_version disagrees" in forged.family_evidence


@pytest.mark.parametrize(
    "shapes",
    [
        {
            "model.diffusion_model.input_blocks.0.0.weight": (4, 4),
            "first_stage_model.x.weight": (4,),
        },
        {"model.layers.0.self_attn.q_proj.weight": (4, 4), "lm_head.weight": (4, 4)},
        {"down_blocks.0.resnets.0.conv1.weight": (4, 4, 3, 3)},
        {"decoder.conv_in.weight": (4, 4, 3, 3)},
        {"ip_adapter.1.to_k_ip.weight": (4, 4)},
        {"lllite_unet_x.down.0.weight": (4, 4)},
        {"anything": (3,)},
        {"only.alpha": ()},
        {
            **pair(LLAMA, 64, 64),
            **{f"base_model.model.model.layers.{i}.mlp.up_proj.weight": (4, 4) for i in range(9)},
        },
    ],
)
def test_whole_models_and_strangers_are_refused(shapes):
    with pytest.raises(AdapterFileError) as caught:
        facts(shapes)
    assert caught.value.code == "not_an_adapter"
    assert caught.value.hint


def test_ranks_extras_and_pairs():
    found = facts(
        {
            **pair(f"{LLAMA}1", 64, 64, 8),
            **pair(f"{LLAMA}2", 64, 64, 8),
            **pair(f"{LLAMA}3", 64, 64, 2),
            "base_model.model.score.weight": (2, 64),
            "base_model.model.x.lora_A.weight": (2, 4),
        }
    )
    assert (found.rank, found.ranks, found.extra_parameters) == (8, (2, 8), 128)
    assert {warning["code"] for warning in found.warnings} == {"missing_pair", "unknown_tensor"}
    with pytest.raises(AdapterFileError) as caught:
        facts({f"{LLAMA}.lora_A.weight": (4, 64), f"{LLAMA}.lora_B.weight": (64, 3)})
    assert caught.value.code == "rank_mismatch"


def test_trigger_words_and_training_facts_come_from_the_metadata():
    metadata = {
        "modelspec.trigger_phrase": "ohwx man",
        "ss_dataset_dirs": json.dumps({"10_sks dog": {"n_repeats": 10, "img_count": 20}}),
        "ss_tag_frequency": json.dumps(
            {"10_sks dog": {"sks dog": 20, "grass": 19, "cat": 3, "bad": "x"}}
        ),
        "ss_learning_rate": "0.0001",
        "ss_epoch": "10",
        "ss_resolution": "(512, 512)",
        "ss_sd_model_name": "/home/alice/models/base.safetensors",
        "ss_network_alpha": "None",
        "ss_steps": "NaN",
        "ss_secret": "no",
    }
    found = facts(kohya(ATTN2, 2048, 640), metadata)
    assert found.trigger_words == ["ohwx man", "sks dog", "grass"]
    assert found.training["learning_rate"] == 0.0001
    assert found.training["epoch"] == 10
    assert found.base_model_hint == "base.safetensors"
    assert found.alpha is None
    assert not {"steps", "secret"} & set(found.training)


@pytest.mark.parametrize(
    "bomb",
    [
        "[" * 100_000,
        "{",
        "9" * 9000,
        "NaN",
        '{"a":' * 9000,
        "[[]" + ",[]" * 500_000 + "]",
        '{"a": {"b": 1e999}}',
    ],
)
def test_metadata_bombs_are_harmless(bomb):
    keys = (
        "ss_tag_frequency",
        "ss_datasets",
        "ss_dataset_dirs",
        "ss_network_args",
        "lora_adapter_metadata",
        "training_info",
        "ss_steps",
    )
    found = facts(kohya(ATTN2, 2048, 640), dict.fromkeys(keys, bomb[:500000]))
    assert found.trigger_words == []
    json.dumps(found.to_dict(), allow_nan=False)


def test_reading_headers_needs_the_standard_library_alone():
    names = "parse_header, summarise, refuse_if_bad, read_modules, parse_config, describe, loaders, scrub"
    code = f"import sys\nfrom lorahub.adapters import {names}\nprint({{'numpy', 'blake3', 'torch'}} & set(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "set()"
