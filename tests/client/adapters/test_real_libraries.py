"""Adapters as PEFT and diffusers write them."""

import json

import pytest
from peft import (
    AdaLoraConfig,
    IA3Config,
    LoHaConfig,
    LoKrConfig,
    LoraConfig,
    OFTConfig,
    PrefixTuningConfig,
    PromptTuningConfig,
    VeraConfig,
    get_peft_model,
    get_peft_model_state_dict,
)
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from lorahub.adapters import AdapterFileError, StreamInspector, open_tensors, read_modules
from lorahub.adapters.modules import read_alpha, scale_of


def gpt2():
    return GPT2LMHeadModel(
        GPT2Config(vocab_size=50, n_embd=32, n_layer=2, n_head=2, n_positions=16)
    )


def llama():
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


def roberta():
    return RobertaForSequenceClassification(
        RobertaConfig(
            vocab_size=50,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=20,
        )
    )


def inspect(path, config=None):
    content = path.read_bytes()
    inspector = StreamInspector(len(content), config)
    inspector.feed(content)
    return inspector.finish()


QV = {"target_modules": ["q_proj", "v_proj"]}
CASES = [
    (
        gpt2,
        LoraConfig(r=4, lora_alpha=8, target_modules=["c_attn"], fan_in_fan_out=True),
        "lora",
        "gpt2",
        4,
    ),
    (llama, LoraConfig(r=8, lora_alpha=16, **QV), "lora", "llama", 8),
    (llama, LoraConfig(r=8, use_dora=True, **QV), "dora", "llama", 8),
    (
        roberta,
        LoraConfig(task_type="SEQ_CLS", r=2, target_modules=["query", "value"]),
        "lora",
        "roberta",
        2,
    ),
    (llama, LoHaConfig(r=4, alpha=4, **QV), "loha", "llama", 4),
    (llama, LoKrConfig(r=2, alpha=4, **QV), "lokr", "llama", 2),
    (llama, OFTConfig(r=0, oft_block_size=4, **QV), "oft", "llama", None),
    (
        llama,
        IA3Config(feedforward_modules=["down_proj"], target_modules=["v_proj", "down_proj"]),
        "ia3",
        "llama",
        None,
    ),
    (llama, VeraConfig(r=4, **QV), "vera", "llama", 4),
    (llama, AdaLoraConfig(init_r=4, target_r=2, total_step=10, **QV), "adalora", "llama", 4),
    (
        llama,
        PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=5),
        "prompt-tuning",
        None,
        None,
    ),
    (
        llama,
        PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=5),
        "prefix-tuning",
        None,
        None,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[2])
def test_peft(tmp_path, case):
    base, config, method, family, rank = case
    model = get_peft_model(base(), config)
    model.save_pretrained(tmp_path)
    written = json.loads((tmp_path / "adapter_config.json").read_text())
    found = inspect(tmp_path / "adapter_model.safetensors", written)
    assert (found.summary.layout, found.summary.method) == ("peft", method)
    assert (found.summary.family, found.summary.rank) == (family, rank)
    tensors = get_peft_model_state_dict(model)
    assert found.summary.tensors == len(tensors)
    total = sum(tensor.numel() for tensor in tensors.values())
    assert found.summary.parameters + found.summary.extra_parameters == total
    if method == "lora":
        assert found.summary.alpha == config.lora_alpha
        # A fresh LoRA changes nothing: every module has a factor of zeros.
        assert found.health["zero_count"] == found.summary.modules


def test_a_whole_model_is_refused(tmp_path):
    gpt2().save_pretrained(tmp_path)
    with pytest.raises(AdapterFileError) as caught:
        inspect(tmp_path / "model.safetensors")
    assert caught.value.code == "not_an_adapter"


def test_diffusers(tmp_path):
    from diffusers import StableDiffusionPipeline, UNet2DConditionModel
    from peft.utils import get_peft_model_state_dict as unet_state

    unet = UNet2DConditionModel(
        block_out_channels=(32, 64), layers_per_block=1, sample_size=8, norm_num_groups=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=768, attention_head_dim=8,
    )  # fmt: skip
    config = LoraConfig(
        r=4,
        lora_alpha=2,
        init_lora_weights=False,
        target_modules=["to_q", "to_k", "to_v", "to_out.0"],
        rank_pattern={r".*attn2\.to_(q|k)": 2},
        alpha_pattern={"to_v": 6},
        use_rslora=True,
    )
    unet.add_adapter(config)
    StableDiffusionPipeline.save_lora_weights(
        tmp_path,
        unet_lora_layers=unet_state(unet),
        unet_lora_adapter_metadata=config.to_dict()
        | {"target_modules": sorted(config.target_modules)},
    )
    found = inspect(tmp_path / "pytorch_lora_weights.safetensors")
    assert (found.summary.layout, found.summary.method, found.summary.family) == (
        "diffusers",
        "lora",
        "sd1",
    )
    assert (found.summary.rank, found.summary.alpha, found.summary.components) == (4, 2, ["unet"])
    assert found.health["zero_count"] == found.health["nan_count"] == 0
    wanted = {
        name: module.scaling["default"]
        for name, module in unet.named_modules()
        if hasattr(module, "lora_A")
    }
    with open_tensors(tmp_path / "pytorch_lora_weights.safetensors") as tensors:
        scales = {
            each.path: scale_of(each, read_alpha(each, tensors))
            for each in read_modules(tensors.header)
        }
    assert scales == pytest.approx(wanted)
    assert len(set(scales.values())) > 2
