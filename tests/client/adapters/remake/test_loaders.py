"""The real loaders take what we write: no key is missing, none is left over, and the model does
the same as with the adapter before.
"""

import logging
import shutil

import pytest
import torch
from diffusers import StableDiffusionPipeline
from diffusers.models import (
    FluxTransformer2DModel,
    HunyuanVideoTransformer3DModel,
    LTXVideoTransformer3DModel,
    Lumina2Transformer2DModel,
    QwenImageTransformer2DModel,
    SD3Transformer2DModel,
    UNet2DConditionModel,
    WanTransformer3DModel,
    ZImageTransformer2DModel,
)
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors.torch import load_file

from lorahub.adapters import convert, merge, resize
from lorahub.adapters.remake.merge import Ingredient
from support import loras, models


@pytest.fixture(autouse=True)
def heard(caplog):
    """Loaders only warn about keys that they don't want."""
    loggers = [logging.getLogger(name) for name in ("diffusers", "peft")]
    for logger in loggers:
        logger.propagate = True
    caplog.set_level(logging.WARNING)
    yield caplog
    complaints = [r.getMessage() for r in caplog.records if "keys" in r.getMessage().lower()]
    assert complaints == []


def adapted(model):
    return {
        name.removeprefix("base_model.model."): layer
        for name, layer in model.named_modules()
        if isinstance(layer, BaseTunerLayer)
    }


def deltas(model):
    """What each layer gains, scale included."""
    return {
        name: layer.get_delta_weight(next(iter(layer.lora_A)))
        for name, layer in adapted(model).items()
    }


# ---- Stable Diffusion 1: our diffusers file against diffusers' own reading of kohya's -----------

SD1 = [
    ("lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q", 64, 64, ()),
    ("lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k", 64, 768, ()),
    ("lora_unet_up_blocks_0_attentions_1_transformer_blocks_0_attn2_to_out_0", 64, 64, ()),
    ("lora_unet_mid_block_attentions_0_proj_in", 64, 64, (1, 1)),
    ("lora_unet_down_blocks_0_resnets_0_conv1", 32, 32, (3, 3)),
    ("lora_te_text_model_encoder_layers_0_self_attn_q_proj", 768, 768, ()),
    ("lora_te_text_model_encoder_layers_1_mlp_fc1", 64, 768, ()),
]  # fmt: skip


@pytest.fixture(scope="module")
def picture():
    def draw(*files):
        pipeline = models.stable_diffusion()
        for file in files:
            pipeline.load_lora_weights(file.parent, weight_name=file.name)
        seed = torch.Generator().manual_seed(3)
        found = pipeline(
            "a b", num_inference_steps=2, generator=seed, output_type="np", height=32, width=32
        )
        return pipeline, found.images[0]

    return draw


@pytest.mark.parametrize("alpha", [pytest.param(1.0, marks=pytest.mark.slow), 3.0])
def test_sd1(tmp_path, picture, alpha):
    kohya = tmp_path / "kohya.safetensors"
    # diffusers 0.42 loses a text encoder's attention when it reads kohya's file itself.
    names = [name for name in SD1 if "lora_te" not in name[0]]
    loras.kohya_file(kohya, "sd1", names=names, alpha=alpha)
    convert(kohya, tmp_path / "ours.safetensors", layout="diffusers")
    convert(tmp_path / "ours.safetensors", tmp_path / "back.safetensors", layout="kohya")
    _, nothing = picture()
    before, wanted = picture(kohya)
    after, found = picture(tmp_path / "ours.safetensors")
    _, again = picture(tmp_path / "back.safetensors")
    assert abs(wanted - nothing).max() > 0.01
    assert abs(found - wanted).max() < 1e-4
    assert abs(again - wanted).max() < 1e-4
    assert set(adapted(after.unet)) == set(adapted(before.unet))


def test_sd1_mixed_ranks(tmp_path):
    kohya = tmp_path / "kohya.safetensors"
    loras.kohya_file(kohya, "sd1", names=SD1, rank=6)
    resize(kohya, tmp_path / "ours.safetensors", energy=0.9, layout="diffusers")
    pipeline = models.stable_diffusion()
    pipeline.load_lora_weights(tmp_path, weight_name="ours.safetensors")
    file = load_file(tmp_path / "ours.safetensors")
    assert len(adapted(pipeline.text_encoder)) == 2
    ranks = {len(a) for name, a in file.items() if name.endswith("lora_A.weight")}
    assert len(ranks) > 1
    for name, delta in deltas(pipeline.unet).items():
        down, up = (file[f"unet.{name}.lora_{end}.weight"] for end in "AB")
        if down.ndim == 2:
            torch.testing.assert_close(delta, up @ down, rtol=1e-4, atol=1e-5)


# ---- SDXL's names -----------------------------------------------------------------------------


def test_sdxl(tmp_path):
    """Kohya's numbering against diffusers' own converter, then onto a U-Net of SDXL's shape."""
    names = [
        ("lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k", 16, 2048, ()),
        ("lora_unet_input_blocks_7_1_transformer_blocks_1_attn1_to_q", 16, 16, ()),
        ("lora_unet_middle_block_1_proj_in", 16, 16, ()),
        ("lora_unet_middle_block_2_out_layers_3", 16, 16, (3, 3)),
        ("lora_unet_output_blocks_2_1_transformer_blocks_1_ff_net_2", 16, 64, ()),
        ("lora_unet_output_blocks_2_2_conv", 16, 16, (3, 3)),
        ("lora_unet_output_blocks_5_1_transformer_blocks_0_attn2_to_v", 16, 2048, ()),
        ("lora_unet_output_blocks_8_0_skip_connection", 8, 16, (1, 1)),
        ("lora_unet_input_blocks_3_0_op", 8, 8, (3, 3)),
        ("lora_unet_label_emb_0_0", 32, 24, ()),
    ]
    unet = UNet2DConditionModel(
        block_out_channels=(8, 16, 16), layers_per_block=2, sample_size=8, norm_num_groups=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 1, 2), cross_attention_dim=2048, attention_head_dim=8,
        use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=4,
        projection_class_embeddings_input_dim=24,
    )  # fmt: skip
    kohya = tmp_path / "kohya.safetensors"
    loras.kohya_file(kohya, "sdxl", names=names, alpha=1.0)
    convert(kohya, tmp_path / "ours.safetensors", layout="diffusers")
    theirs, alphas = StableDiffusionPipeline.lora_state_dict(kohya, unet_config=unet.config)
    theirs = {_newer(name): tensor for name, tensor in theirs.items()}
    ours = load_file(tmp_path / "ours.safetensors")
    for name in (key for key in theirs if key.endswith(".lora.down.weight")):
        module = name.removesuffix(".lora.down.weight")
        for end, other in (("lora_A", "down"), ("lora_B", "up")):
            assert (
                ours[f"{module}.{end}.weight"].shape
                == theirs[f"{module}.lora.{other}.weight"].shape
            )
    assert {k.split(".lora")[0] for k in theirs} == {k.split(".lora")[0] for k in ours}
    assert set(alphas.values()) == {1.0}
    unet.load_lora_adapter(dict(ours), prefix="unet")
    assert len(adapted(unet)) == len(names)


def _newer(name):
    name = name.replace(".processor.", ".")
    for old, new in (("to_out_lora", "to_out.0.lora"), ("_lora.", ".lora.")):
        name = name.replace(old, new)
    return name


# ---- transformers: every name we write is a module of the real class -------------------------------

SMALL = {
    "flux1": (
        FluxTransformer2DModel,
        {"num_layers": 1, "num_single_layers": 2, "attention_head_dim": 16, "num_attention_heads": 2, "joint_attention_dim": 96, "pooled_projection_dim": 8, "axes_dims_rope": (4, 4, 8)},
        lambda: [n for n in loras._flux(width=32) if "lora_te" not in n[0]],
    ),
    "sd3.5-medium": (
        SD3Transformer2DModel,
        {"num_layers": 2, "attention_head_dim": 16, "num_attention_heads": 2, "joint_attention_dim": 32, "caption_projection_dim": 32, "pooled_projection_dim": 8, "dual_attention_layers": (0,), "sample_size": 8, "pos_embed_max_size": 8},
        lambda: loras._sd3(width=32),
    ),
    "hunyuan-video": (
        HunyuanVideoTransformer3DModel,
        {"num_layers": 1, "num_single_layers": 40, "num_refiner_layers": 1, "attention_head_dim": 8, "num_attention_heads": 2, "text_embed_dim": 16, "pooled_projection_dim": 8, "rope_axes_dim": (2, 2, 4)},
        lambda: loras._hunyuan(width=16),
    ),
    "wan": (
        WanTransformer3DModel,
        {"num_layers": 4, "attention_head_dim": 16, "num_attention_heads": 2, "ffn_dim": 64, "text_dim": 16, "freq_dim": 16, "rope_max_seq_len": 16},
        lambda: loras._wan(width=32),
    ),
    "qwen-image": (
        QwenImageTransformer2DModel,
        {"num_layers": 6, "attention_head_dim": 16, "num_attention_heads": 2, "joint_attention_dim": 16, "axes_dims_rope": (4, 4, 8)},
        lambda: [(n, *((128 if "net_0" in n else o), (128 if "net_2" in n else i)), k) if "mlp" in n else (n, 6 * 32 if "mod" in n else o, i, k) for n, o, i, k in loras._qwen(width=32)],
    ),
    "ltx-video": (
        LTXVideoTransformer3DModel,
        {"num_layers": 8, "attention_head_dim": 16, "num_attention_heads": 2, "cross_attention_dim": 32, "caption_channels": 16},
        lambda: [(n, 128 if "net_0" in n else o, i, k) for n, o, i, k in loras._ltx(width=32)],
    ),
    "lumina2": (
        Lumina2Transformer2DModel,
        {"num_layers": 3, "num_refiner_layers": 1, "hidden_size": 48, "num_attention_heads": 3, "num_kv_heads": 1, "cap_feat_dim": 16, "axes_dim_rope": (4, 4, 8), "axes_lens": (16, 16, 16)},
        None,
    ),
    "z-image": (
        ZImageTransformer2DModel,
        {"n_layers": 3, "n_refiner_layers": 1, "dim": 32, "n_heads": 2, "n_kv_heads": 2, "cap_feat_dim": 16, "axes_dims": (4, 4, 8), "axes_lens": (16, 16, 16)},
        None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("family", SMALL)
def test_transformers(tmp_path, family):
    kind, options, names = SMALL[family]
    model = kind(**options)
    names = names() if names else list(_fitting(model, family))
    loras.kohya_file(tmp_path / "kohya.safetensors", family, names=names, alpha=2.0)
    convert(
        tmp_path / "kohya.safetensors",
        tmp_path / "ours.safetensors",
        layout="diffusers",
        family=family,
    )
    ours = load_file(tmp_path / "ours.safetensors")
    # load_lora_adapter warns about keys that it has no module for, and for which it has no key.
    model.load_lora_adapter(dict(ours), prefix="transformer")
    wanted = {key.removeprefix("transformer.").split(".lora_")[0] for key in ours}
    assert set(adapted(model)) == wanted
    for name, delta in deltas(model).items():
        down, up = (ours[f"transformer.{name}.lora_{end}.weight"] for end in "AB")
        torch.testing.assert_close(delta, up @ down, rtol=1e-4, atol=1e-5)


def _fitting(model, family):
    """Kohya's names of a few modules, as wide as this model is."""
    linear = {
        n: (m.out_features, m.in_features)
        for n, m in model.named_modules()
        if isinstance(m, torch.nn.Linear)
    }
    for name, *_ in loras.kohya_names(family):
        flat = name.removeprefix("lora_unet_")
        stack, number = ("layers", 2) if flat.startswith("layers") else ("noise_refiner", 0)
        rest = flat.removeprefix(f"{stack}_{number}_")
        at = f"{stack}.{number}"
        path = {
            "attention_qkv": "attn.to_q", "attention_out": "attn.to_out.0",
            "adaLN_modulation_1": "norm1.linear",
        }.get(rest, rest.replace("attention_", "attention.").replace("out_0", "out.0").replace("feed_forward_", "feed_forward.").replace("modulation_0", "modulation.0"))  # fmt: skip
        if f"{at}.{path}" not in linear:
            path = path.replace(".w", ".linear_")
        out, inner = linear[f"{at}.{path}"]
        if rest == "attention_qkv":
            out += 2 * linear[f"{at}.attn.to_k"][0]
        yield name, out, inner, ()


# ---- PEFT -------------------------------------------------------------------------------------


@pytest.fixture
def trained(tmp_path):
    """A LoRA of PEFT's own on a tiny Llama, with mixed ranks and rsLoRA."""
    config = LoraConfig(
        r=8, lora_alpha=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False,
        rank_pattern={"layers.1.self_attn.q_proj": 4}, alpha_pattern={"layers.1.self_attn.q_proj": 16},
        use_rslora=True, task_type="CAUSAL_LM",
    )  # fmt: skip
    torch.manual_seed(1)
    get_peft_model(models.language_model("llama"), config).save_pretrained(tmp_path / "trained")
    return tmp_path / "trained"


def answers(*folders):
    model = models.language_model("llama")
    made = model if not folders else PeftModel.from_pretrained(model, folders[0])
    with torch.no_grad():
        return made(torch.arange(10)[None]).logits


@pytest.mark.parametrize("dtype", [None, "fp32"])
def test_peft_language_model(tmp_path, trained, dtype):
    convert(trained, tmp_path / "same", layout="peft", dtype=dtype)
    resize(trained, tmp_path / "all", rank=64)
    wanted = answers(trained)
    assert (answers() - wanted).abs().max() > 0.01
    torch.testing.assert_close(answers(tmp_path / "same"), wanted, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(answers(tmp_path / "all"), wanted, rtol=1e-4, atol=1e-4)


def test_peft_after_a_cut_and_a_merge(tmp_path, trained):
    resize(trained, tmp_path / "small", energy=0.8)
    answers(tmp_path / "small")
    merge([Ingredient(trained, 0.5), Ingredient(trained, 0.5)], tmp_path / "twice")
    torch.testing.assert_close(answers(tmp_path / "twice"), answers(trained), rtol=1e-4, atol=1e-4)


def test_peft_unet(tmp_path):
    """One PEFT adapter for each component of a pipeline, through PEFT alone."""
    loras.kohya_file(tmp_path / "kohya.safetensors", "sd1", names=SD1)
    convert(tmp_path / "kohya.safetensors", tmp_path / "peft", layout="peft")
    convert(tmp_path / "kohya.safetensors", tmp_path / "ours.safetensors", layout="diffusers")
    pipeline = models.stable_diffusion()
    unet = PeftModel.from_pretrained(pipeline.unet, tmp_path / "peft")
    other = models.stable_diffusion()
    other.load_lora_weights(tmp_path, weight_name="ours.safetensors")
    found, wanted = deltas(unet), deltas(other.unet)
    assert found.keys() == wanted.keys()
    for name in found:
        torch.testing.assert_close(found[name], wanted[name], rtol=1e-4, atol=1e-6)
    shutil.rmtree(tmp_path / "peft")
