"""Names in the wild: what lies beside a LoRA, odd spellings, and what is no adapter at all."""

import pytest

from lorahub.adapters import AdapterFileError, Header, TensorInfo, read_modules, summarise


def header(shapes, metadata=None, dtype="F16"):
    tensors, at = {}, 0
    for name, shape in shapes.items():
        size = 2
        for each in shape:
            size *= each
        tensors[name] = TensorInfo(dtype, tuple(shape), at, at + size)
        at += size
    return Header(tensors, metadata or {}, 8, at + 8)


def pair(name, n=64, m=64, r=4, *, down=".lora_A.weight", up=".lora_B.weight"):
    return {f"{name}{down}": (r, n), f"{name}{up}": (m, r)}


def kohya(name, n=64, m=64, r=4):
    return {
        **pair(name, n, m, r, down=".lora_down.weight", up=".lora_up.weight"),
        f"{name}.alpha": (),
    }


XL = "lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k"
NO_ADAPTERS = {
    "whole checkpoint": {
        "model.diffusion_model.input_blocks.0.0.weight": (4, 4, 3, 3),
        "first_stage_model.decoder.conv_in.weight": (4, 4, 3, 3),
        "cond_stage_model.transformer.text_model.embeddings.position_ids": (1, 77),
    },
    "whole checkpoint ": {"conditioner.embedders.0.transformer.text_model.final_layer_norm.weight": (4,)},
    "VAE": {"decoder.conv_in.weight": (4, 4, 3, 3), "encoder.conv_in.weight": (4, 4, 3, 3)},
    "ControlNet": {"control_model.input_hint_block.0.weight": (4, 4), "control_model.zero_convs.0.weight": (4, 4)},
    "ControlNet ": {"controlnet_cond_embedding.conv_in.weight": (4, 4), "controlnet_down_blocks.0.weight": (4, 4)},
    "Control-LoRA": {**kohya(XL, 2048, 640), "lora_controlnet": (1,)},
    "ControlNet-LLLite": {"lllite_unet_input_blocks_4_1.conditioning1.0.weight": (4, 4)},
    "IP-Adapter": {"image_proj.proj.weight": (4, 4), "ip_adapter.1.to_k_ip.weight": (4, 4)},
    "T2I-Adapter": {"adapter.body.0.resnets.0.block1.weight": (4, 4), "adapter.conv_in.weight": (4, 4)},
    "text model": {
        "text_model.encoder.layers.0.self_attn.q_proj.weight": (4, 4),
        "text_model.embeddings.token_embedding.weight": (8, 4),
    },
    "language or text model": {
        f"model.layers.{n}.self_attn.q_proj.weight": (4, 4) for n in range(30)
    },
    "text model ": {"shared.weight": (8, 4), "encoder.block.0.layer.0.SelfAttention.q.weight": (4, 4)},
    "diffusion model": {"down_blocks.0.resnets.0.conv1.weight": (4, 4, 3, 3), "conv_in.weight": (4, 4, 3, 3)},
    "diffusion model ": {
        "double_blocks.0.img_attn.qkv.weight": (12, 4),
        "single_blocks.0.linear1.weight": (12, 4),
        "img_in.weight": (4, 4),
    },
    "motion module": {
        "down_blocks.0.motion_modules.0.temporal_transformer.proj_in.weight": (4, 4),
        "down_blocks.0.motion_modules.0.temporal_transformer.norm.weight": (4,),
    },
    "upscaler": {"body.0.rdb1.conv1.weight": (4, 4, 3, 3), "conv_first.weight": (4, 4, 3, 3)},
}  # fmt: skip


@pytest.mark.parametrize("what", NO_ADAPTERS)
def test_what_is_no_adapter_is_named(what):
    with pytest.raises(AdapterFileError) as caught:
        summarise(header(NO_ADAPTERS[what]))
    assert caught.value.code == "not_an_adapter"
    assert what.strip() in caught.value.message
    assert caught.value.key in NO_ADAPTERS[what]
    assert caught.value.hint


def test_token_vectors_beside_a_lora():
    shapes = {**kohya(XL, 2048, 640), "clip_l": (2, 768), "clip_g": (2, 1280)}
    shapes["bundle_emb.sks.string_to_param.*"] = (1, 768)
    found = summarise(header(shapes))
    assert (found.layout, found.method, found.family) == ("kohya", "lora", "sdxl")
    assert "textual_inversion" in found.traits
    assert found.warnings == []
    assert found.extra_parameters == 0


@pytest.mark.parametrize(
    ("shapes", "family"),
    [
        ({"emb_params": (4, 768)}, "sd1"),
        ({"emb_params": (4, 1024)}, "sd2"),
        ({"clip_l": (2, 768), "clip_g": (2, 1280)}, "sdxl"),
        ({"clip_l": (2, 768), "clip_g": (2, 1280), "t5xxl": (2, 4096)}, "sd3"),
        ({"clip_l": (2, 768), "t5xxl": (2, 4096)}, "flux1"),
        ({"<sks>": (768,)}, "sd1"),
    ],
)
def test_textual_inversions(shapes, family):
    found = summarise(header(shapes))
    assert (found.layout, found.method, found.family) == ("embedding", "textual-inversion", family)
    assert {module.kind for module in read_modules(header(shapes))} == {"prompt"}


def test_loralib():
    """Microsoft's library: the user's own names, no alpha, merged projections share a stack."""
    shapes = {
        "transformer.h.0.attn.c_attn.lora_A": (8, 64),
        "transformer.h.0.attn.c_attn.lora_B": (128, 4),
        "transformer.h.0.mlp.c_fc.lora_A": (4, 64),
        "transformer.h.0.mlp.c_fc.lora_B": (256, 4),
    }
    found = summarise(header(shapes))
    assert (found.method, found.family, found.alpha) == ("lora", "gpt2", None)
    merged, single = read_modules(header(shapes))
    assert (merged.groups, merged.rank, merged.shape) == (2, 4, (128, 64))
    assert (single.groups, single.rank, single.shape) == (1, 4, (256, 64))


def test_raw_state_dicts_keep_the_adapters_name():
    shapes = pair(
        "diffusion_model.blocks.0.self_attn.q",
        5120,
        5120,
        down=".lora_A.default.weight",
        up=".lora_B.default.weight",
    )
    (module,) = read_modules(header(shapes))
    assert (module.path, module.rank, set(module.factors)) == (
        "blocks.0.self_attn.q",
        4,
        {"down", "up"},
    )


def test_two_spellings_of_one_factor_are_told():
    shapes = {
        **pair("unet.mid_block.x"),
        **pair("unet.mid_block.x", down=".lora.down.weight", up=".lora.up.weight"),
    }
    found = summarise(header(shapes))
    assert {warning["code"] for warning in found.warnings} == {"doubled_factor"}
    assert len(found.warnings) == 2


PREFIXES = {
    "lora_unet_double_blocks_0_img_attn_qkv": ("kohya", "transformer"),
    "lora_transformer_transformer_blocks_0_attn_to_q": ("kohya", "transformer"),
    "lora_unet__blocks_0_self_attn_q": ("kohya", "transformer"),
    "lora_unet_down_blocks_0_attentions_0_proj_in": ("kohya", "unet"),
    "lora_te1_text_model_encoder_layers_0_self_attn_q_proj": ("kohya", "text_encoder"),
    "lora_te2_text_model_encoder_layers_0_self_attn_q_proj": ("kohya", "text_encoder_2"),
    "lora_te3_encoder_block_0_layer_0_SelfAttention_q": ("kohya", "text_encoder_3"),
    "lora_prior_unet_down_blocks_0_0": ("kohya", "prior"),
    "lycoris_transformer_blocks_0_attn_to_q": ("lycoris", "transformer"),
    "diffusion_model.double_blocks.0.img_attn.qkv": ("comfyui", "transformer"),
    "diffusion_model.input_blocks.4.1.proj_in": ("comfyui", "unet"),
    "transformer.transformer_blocks.0.attn.to_q": ("diffusers", "transformer"),
    "transformer_2.blocks.0.attn1.to_q": ("diffusers", "transformer_2"),
    "text_encoder_2.text_model.encoder.layers.0.self_attn.q_proj": ("diffusers", "text_encoder_2"),
    "unet.mid_block.attentions.0.proj_in": ("diffusers", "unet"),
    "double_blocks.0.img_attn.qkv": ("original", "transformer"),
    "layers.0.attention.to_q": ("original", "transformer"),
    "down_blocks.0.attentions.0.proj_in": ("diffusers", "unet"),
    "base_model.model.model.layers.0.self_attn.q_proj": ("peft", "model"),
    "base_model.model.down_blocks.0.attentions.0.proj_in": ("peft", "unet"),
    "base_model.model.double_blocks.0.img_attn.qkv": ("peft", "transformer"),
}


@pytest.mark.parametrize("name", PREFIXES)
def test_prefixes(name):
    shapes = kohya(name) if name.startswith(("lora_", "lycoris_")) else pair(name)
    found = summarise(header(shapes))
    assert (found.layout, found.components) == (PREFIXES[name][0], [PREFIXES[name][1]])
    (module,) = read_modules(header(shapes))
    assert module.name == name
    assert module.shape == (64, 64)


OTHERS = {
    "lora_prior_unet_down_blocks_0_2_attention_attn_in_proj": (2048, 2048, ["stable-cascade"]),
    "lora_unet_blocks_0_cross_attn_k_img": (5120, 5120, ["wan-14b"]),
    "lora_te3_encoder_block_0_layer_0_SelfAttention_q": (4096, 4096, ["sd3", "flux1"]),
    "base_model.model.model.layers.0.mlp.experts.12.gate_proj": (2048, 768, ["qwen", "deepseek"]),
    "diffusion_model.transformer_blocks.0.audio_attn1.to_q": (2048, 2048, ["ltx2"]),
    "diffusion_model.blocks.0.self_attn.q_proj": (
        2048,
        2048,
        ["anima", "cosmos-predict2-2b"],
    ),
    "diffusion_model.llm_adapter.blocks.0.self_attn.q_proj": (2048, 2048, ["anima"]),
    "diffusion_model.blocks.1.self_attn.q_proj": (5120, 5120, ["cosmos-predict2-14b"]),
    "diffusion_model.double_layers.0.attn.w1q": (3072, 3072, ["auraflow"]),
    "diffusion_model.layers.0.attn.to_q": (2520, 2520, ["omnigen2"]),
    "diffusion_model.double_blocks.9.img_attn_q": (2048, 2048, ["hunyuan-video-1.5"]),
}


@pytest.mark.parametrize("name", OTHERS)
def test_rarer_families(name):
    width_in, width_out, wanted = OTHERS[name]
    make = kohya if name.startswith("lora_") else pair
    assert summarise(header(make(name, width_in, width_out))).family_candidates == wanted


def test_ranks_that_no_matrix_has_are_told():
    found = summarise(header(pair("unet.mid_block.x", 64, 8, 16)))
    assert found.warnings == [
        {"code": "rank_exceeds_size", "key": "unet.mid_block.x.lora_A.weight"}
    ]
    assert summarise(header(pair("unet.mid_block.x", 64, 8, 8))).warnings == []


def test_misaligned_numbers_are_told():
    shapes = kohya(XL, 2048, 640)
    fine = header(shapes)
    assert summarise(fine).warnings == []
    moved = {key: info._replace(begin=info.begin + 1) for key, info in fine.tensors.items()}
    odd = Header(moved, {}, 8, fine.file_size + 1)
    assert {warning["code"] for warning in summarise(odd).warnings} == {"misaligned"}
