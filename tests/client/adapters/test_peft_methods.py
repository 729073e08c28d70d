"""Every method of the installed PEFT, as it saves it: recognised, complete, scaled like PEFT does."""

import json
import warnings

import peft
import pytest
from peft import LoKrConfig, LoraConfig, get_peft_model
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING
from transformers import LlamaConfig, LlamaForCausalLM

from lorahub.adapters import StreamInspector, open_tensors, parse_config, read_modules
from lorahub.adapters.config import PEFT_TYPES
from lorahub.adapters.modules import read_alpha, scale_of

QV = {"target_modules": ["q_proj", "v_proj"]}
TOKENS = {"num_virtual_tokens": 4, "task_type": "CAUSAL_LM"}
OPTIONS = {
    "ADALORA": {"total_step": 10, "init_r": 4, "target_r": 2, **QV},
    "ADAPTION_PROMPT": {"adapter_len": 4, "adapter_layers": 2, "task_type": "CAUSAL_LM"},
    "PROMPT_TUNING": TOKENS,
    "PREFIX_TUNING": TOKENS,
    "P_TUNING": TOKENS,
    "MULTITASK_PROMPT_TUNING": TOKENS,
    "CARTRIDGE": TOKENS,
    "CPT": {
        "task_type": "CAUSAL_LM",
        "cpt_token_ids": [1, 2, 3],
        "cpt_mask": [1, 1, 1],
        "cpt_tokens_type_mask": [1, 2, 3],
    },
    "BOFT": {"boft_block_size": 4, **QV},
    "OFT": {"r": 0, "oft_block_size": 4, **QV},
    "IA3": {"target_modules": ["v_proj", "down_proj"], "feedforward_modules": ["down_proj"]},
    "LN_TUNING": {"target_modules": ["norm", "input_layernorm"]},
    "TRAINABLE_TOKENS": {"token_indices": [1, 2, 3]},
    "VBLORA": {"vector_length": 4, "num_vectors": 8, **QV},
    "FOURIERFT": {"n_frequency": 10, **QV},
    "WAVEFT": {"n_frequency": 10, **QV},
    "C3A": {"block_size": 16, **QV},
    "RANDLORA": {"r": 4, **QV},
    "MISS": {"r": 4, **QV},
    "SHIRA": {"r": 2, **QV},
    "ROAD": {"group_size": 8, **QV},
    "FROD": None,  # needs seconds to make
    "ADAMSS": None,  # needs scikit-learn
    "XLORA": None,  # saves its base model, too
}
# What we call them, where it is not the name in lower case with dashes.
NAMES = {"MULTITASK_PROMPT_TUNING": "prompt-tuning"}
WITHOUT_MODULES = {"PROMPT_TUNING", "PREFIX_TUNING", "P_TUNING", "MULTITASK_PROMPT_TUNING", "CPT"}
KINDS = {
    str(getattr(kind, "value", kind)): cls for kind, cls in PEFT_TYPE_TO_CONFIG_MAPPING.items()
}
MADE = sorted(kind for kind in KINDS if OPTIONS.get(kind, QV) is not None)


def tiny_llama():
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=50,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=2,
        )
    )


def saved(folder, config):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = get_peft_model(tiny_llama(), config)
        model.save_pretrained(folder)
    return model, folder / "adapter_model.safetensors"


def inspect(path):
    config = json.loads(path.with_name("adapter_config.json").read_text())
    content = path.read_bytes()
    inspector = StreamInspector(len(content), config)
    inspector.feed(content)
    return inspector.finish().summary


def test_every_type_is_known():
    assert set(KINDS) <= PEFT_TYPES


@pytest.mark.parametrize("kind", MADE)
def test_method(tmp_path, kind):
    _, path = saved(tmp_path, KINDS[kind](**OPTIONS.get(kind, QV)))
    found = inspect(path)
    assert found.layout == "peft"
    assert found.method == NAMES.get(kind, kind.lower().replace("_", "-"))
    assert found.warnings == []
    assert found.extra_parameters == 0
    config = parse_config((tmp_path / "adapter_config.json").read_bytes())
    assert config.peft_type == kind
    with open_tensors(path) as tensors:
        modules = read_modules(tensors.header, config)
        assert modules
        assert {module.method for module in modules} == {
            found.method.replace("cpt", "prompt-tuning")
        } or (kind in WITHOUT_MODULES | {"CARTRIDGE"})


VARIANTS = {
    "plain": LoraConfig(r=4, lora_alpha=6, **QV),
    "rslora": LoraConfig(r=4, lora_alpha=6, use_rslora=True, **QV),
    "dora": LoraConfig(r=4, lora_alpha=6, use_dora=True, **QV),
    "bias": LoraConfig(r=4, lora_alpha=6, lora_bias=True, **QV),
    "patterns": LoraConfig(
        r=4,
        lora_alpha=6,
        rank_pattern={"layers.0.self_attn.q_proj": 8, r"^model\.layers\.1\.self_attn\.v_proj": 2},
        alpha_pattern={"v_proj": 32, r"layers\.\d+\.self_attn\.(q|k)_proj": 3},
        **QV,
    ),
    "rslora patterns": LoraConfig(
        r=4, lora_alpha=6, use_rslora=True, rank_pattern={"q_proj": 2}, alpha_pattern={"q_proj": 5}, **QV
    ),
    "embedding": LoraConfig(r=4, lora_alpha=6, target_modules=["embed_tokens", "q_proj"]),
    "saved": LoraConfig(r=4, lora_alpha=6, modules_to_save=["lm_head"], **QV),
    "tokens": LoraConfig(r=4, lora_alpha=6, trainable_token_indices={"embed_tokens": [1, 2]}, **QV),
    "lokr": LoKrConfig(r=2, alpha=6, decompose_both=True, **QV),
    "whole lokr": LoKrConfig(r=64, alpha=6, **QV),
    "regex": LoraConfig(r=4, lora_alpha=6, target_modules=r".*layers\.1.*\.(q|v)_proj"),
}  # fmt: skip


@pytest.mark.parametrize("name", VARIANTS)
def test_scales_are_those_of_peft(tmp_path, name):
    model, path = saved(tmp_path, VARIANTS[name])
    config = parse_config((tmp_path / "adapter_config.json").read_bytes())
    wanted = {
        layer.removeprefix("base_model.model."): module.scaling["default"]
        for layer, module in model.named_modules()
        if isinstance(getattr(module, "scaling", None), dict) and "default" in module.scaling
    }
    ranks = {
        layer.removeprefix("base_model.model."): module.r["default"]
        for layer, module in model.named_modules()
        if isinstance(getattr(module, "r", None), dict) and "default" in module.r
    }
    with open_tensors(path) as tensors:
        modules = [each for each in read_modules(tensors.header, config) if each.scale_rule != "1"]
        found = {each.path: scale_of(each, read_alpha(each, tensors)) for each in modules}
        assert found == pytest.approx(wanted)
        assert {each.path: each.rank for each in modules} == ranks
        for each in modules:
            assert each.kind == ("embedding" if "embed" in each.path else "linear")
            assert each.shape == ((32, 50) if each.kind == "embedding" else (32, 32))
            assert set(each.factors.values()) <= set(tensors)


def test_without_its_configuration_the_scale_is_unknown(tmp_path):
    _, path = saved(tmp_path, VARIANTS["plain"])
    with open_tensors(path) as tensors:
        assert {each.scale_rule for each in read_modules(tensors.header)} == {"none"}
        assert all(scale_of(each, None) is None for each in read_modules(tensors.header))


@pytest.mark.parametrize(
    ("name", "code"), [("embedding", "whole_tensor"), ("saved", "whole_tensor")]
)
def test_whole_tensors_are_told(tmp_path, name, code):
    _, path = saved(tmp_path, VARIANTS[name])
    found = inspect(path)
    assert [warning["code"] for warning in found.warnings] == [code]
    assert "whole_tensors" in found.traits
    assert found.extra_parameters == 50 * 32


def test_x_lora_saves_its_base_and_is_no_adapter_file(tmp_path):
    """PEFT 0.21 writes the whole base model into the folder of an X-LoRA."""
    assert peft.XLoraConfig is KINDS["XLORA"]
    config = parse_config(b'{"peft_type": "XLORA", "adapters": {"0": "/home/x/one"}}')
    assert config.peft_type == "XLORA"
    assert any("further adapters" in line for line in config.flagged)
