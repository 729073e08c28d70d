"""Small adapters with the real names of each family, written by the reference library.

Widths are tiny where nothing depends on them; what tells families apart keeps its real size.
"""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

RANK = 4


def kohya_module(rng, out, inner, rank=RANK, kernel=(), scale=1.0):
    """(down, up) as float32."""
    down = rng.standard_normal((rank, inner, *kernel)) / np.sqrt(inner)
    up = rng.standard_normal((out, rank, *(1 for _ in kernel))) * scale
    return down.astype("f4"), up.astype("f4")


def _unet(inner, cross, linear_proj):
    kernel = () if linear_proj else (1, 1)
    yield "proj_in", inner, inner, kernel
    yield "proj_out", inner, inner, kernel
    for attention, width in (("attn1", inner), ("attn2", cross)):
        block = f"transformer_blocks_0_{attention}"
        yield f"{block}_to_q", inner, inner, ()
        yield f"{block}_to_k", inner, width, ()
        yield f"{block}_to_v", inner, width, ()
        yield f"{block}_to_out_0", inner, inner, ()
    yield "transformer_blocks_0_ff_net_0_proj", 8 * inner, inner, ()
    yield "transformer_blocks_0_ff_net_2", inner, 4 * inner, ()


def _clip(prefix, width, layers=2):
    for layer in range(layers):
        at = f"{prefix}_text_model_encoder_layers_{layer}"
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            yield f"{at}_self_attn_{part}", width, width, ()
        yield f"{at}_mlp_fc1", 64, width, ()
        yield f"{at}_mlp_fc2", width, 64, ()


def kohya_names(family):
    """(module, out, in, kernel) of an adapter as kohya's trainer names it."""
    if family in ("sd1", "sd2"):
        cross = {"sd1": 768, "sd2": 1024}[family]
        for block in (
            "down_blocks_1_attentions_0",
            "mid_block_attentions_0",
            "up_blocks_1_attentions_2",
        ):
            for name, *shape in _unet(16, cross, family == "sd2"):
                yield f"lora_unet_{block}_{name}", *shape
        yield "lora_unet_down_blocks_0_resnets_0_conv1", 16, 16, (3, 3)
        yield "lora_unet_down_blocks_0_downsamplers_0_conv", 16, 16, (3, 3)
        yield from _clip("lora_te", cross)
    elif family == "sdxl":
        for block in ("input_blocks_4_1", "middle_block_1", "output_blocks_3_1"):
            for name, *shape in _unet(16, 2048, linear_proj=True):
                yield f"lora_unet_{block}_{name}", *shape
        yield "lora_unet_input_blocks_1_0_in_layers_2", 16, 16, (3, 3)
        yield "lora_unet_input_blocks_3_0_op", 16, 16, (3, 3)
        yield "lora_unet_output_blocks_2_2_conv", 16, 16, (3, 3)
        yield "lora_unet_output_blocks_8_0_skip_connection", 16, 32, (1, 1)
        yield "lora_unet_label_emb_0_0", 32, 24, ()
        yield from _clip("lora_te1", 768)
        yield from _clip("lora_te2", 1280)
    elif family in TRANSFORMERS:
        yield from TRANSFORMERS[family]()
    else:
        raise ValueError(family)


def _flux(width=3072, mlp=4):
    for stream in ("img", "txt"):
        at = f"lora_unet_double_blocks_0_{stream}"
        yield f"{at}_attn_qkv", 3 * width, width, ()
        yield f"{at}_attn_proj", width, width, ()
        yield f"{at}_mlp_0", mlp * width, width, ()
        yield f"{at}_mlp_2", width, mlp * width, ()
        yield f"{at}_mod_lin", 6 * width, width, ()
    yield "lora_unet_single_blocks_1_linear1", 3 * width + mlp * width, width, ()
    yield "lora_unet_single_blocks_1_linear2", width, width + mlp * width, ()
    yield "lora_unet_single_blocks_1_modulation_lin", 3 * width, width, ()
    yield "lora_unet_final_layer_linear", 64, width, ()
    yield "lora_unet_final_layer_adaLN_modulation_1", 2 * width, width, ()
    yield "lora_unet_txt_in", width, 96, ()
    yield from _clip("lora_te1", 768, layers=1)


def _sd3(width=1536):
    for stream in ("x_block", "context_block"):
        at = f"lora_unet_joint_blocks_0_{stream}"
        yield f"{at}_attn_qkv", 3 * width, width, ()
        yield f"{at}_attn_proj", width, width, ()
        yield f"{at}_mlp_fc1", 4 * width, width, ()
        yield f"{at}_mlp_fc2", width, 4 * width, ()
        # A block with a second attention has three more parts.
        yield f"{at}_adaLN_modulation_1", (9 if stream == "x_block" else 6) * width, width, ()
    yield "lora_unet_joint_blocks_1_context_block_adaLN_modulation_1", 2 * width, width, ()
    yield "lora_unet_joint_blocks_0_x_block_attn2_qkv", 3 * width, width, ()


def _hunyuan(width=3072):
    at = "lora_unet_double_blocks_0"
    for stream in ("img", "txt"):
        yield f"{at}_{stream}_attn_qkv", 3 * width, width, ()
        yield f"{at}_{stream}_attn_proj", width, width, ()
        yield f"{at}_{stream}_mlp_fc1", 4 * width, width, ()
    yield "lora_unet_single_blocks_39_linear1", 7 * width, width, ()
    yield "lora_unet_single_blocks_39_linear2", width, 5 * width, ()


def _wan(width=1536):
    for part in "qkvo":
        yield f"lora_unet_blocks_3_self_attn_{part}", width, width, ()
        yield f"lora_unet_blocks_3_cross_attn_{part}", width, width, ()
    yield "lora_unet_blocks_3_ffn_0", 64, width, ()
    yield "lora_unet_blocks_3_ffn_2", width, 64, ()


def _qwen(width=3072):
    at = "lora_unet_transformer_blocks_5"
    for part in ("to_q", "to_k", "to_v", "add_q_proj", "to_out_0", "to_add_out"):
        yield f"{at}_attn_{part}", width, width, ()
    yield f"{at}_img_mlp_net_0_proj", 64, width, ()
    yield f"{at}_txt_mlp_net_2", width, 64, ()
    yield f"{at}_img_mod_1", 96, width, ()


def _z_image(width=3840):
    for stack in ("layers_2", "noise_refiner_0"):
        for part in ("to_q", "to_k", "to_v", "to_out_0"):
            yield f"lora_unet_{stack}_attention_{part}", width, width, ()
        yield f"lora_unet_{stack}_feed_forward_w1", 64, width, ()
        yield f"lora_unet_{stack}_adaLN_modulation_0", 64, 256, ()


def _lumina(width=2304):
    for stack in ("layers_2", "noise_refiner_0"):
        at = f"lora_unet_{stack}"
        yield f"{at}_attention_qkv", width + 2 * 768, width, ()
        yield f"{at}_attention_out", width, width, ()
        for part in ("w1", "w3"):
            yield f"{at}_feed_forward_{part}", 64, width, ()
        yield f"{at}_feed_forward_w2", width, 64, ()
        yield f"{at}_adaLN_modulation_1", 96, 1024, ()


def _ltx(width=2048):
    for part in ("to_q", "to_k", "to_v", "to_out_0"):
        yield f"lora_unet_transformer_blocks_7_attn1_{part}", width, width, ()
        yield f"lora_unet_transformer_blocks_7_attn2_{part}", width, width, ()
    yield "lora_unet_transformer_blocks_7_ff_net_0_proj", 64, width, ()


TRANSFORMERS = {
    "flux1": _flux,
    "sd3.5-medium": _sd3,
    "hunyuan-video": _hunyuan,
    "wan-1.3b": _wan,
    "qwen-image": _qwen,
    "z-image": _z_image,
    "lumina2": _lumina,
    "ltx-video": _ltx,
}
FAMILIES = ("sd1", "sd2", "sdxl", *TRANSFORMERS)


def kohya_tensors(family, *, alpha=2.0, rank=RANK, seed=0, names=None):
    rng = np.random.default_rng(seed)
    tensors = {}
    for name, out, inner, kernel in names or kohya_names(family):
        down, up = kohya_module(rng, out, inner, rank, kernel)
        tensors[f"{name}.lora_down.weight"] = down
        tensors[f"{name}.lora_up.weight"] = up
        if alpha is not None:
            tensors[f"{name}.alpha"] = np.asarray(alpha, "f4")
    return tensors


def kohya_file(path: Path, family, *, dtype="f4", metadata=None, **options):
    """Written with the reference library; gives the tensors back."""
    tensors = {name: each.astype(dtype) for name, each in kohya_tensors(family, **options).items()}
    save_file(tensors, path, metadata)
    return tensors


def peft_folder(folder: Path, modules, *, rank=RANK, alpha=8, seed=0, dtype="f4", **config):
    """`modules`: {path in the model: (out, in)}."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for name, (out, inner) in modules.items():
        down, up = kohya_module(rng, out, inner, rank)
        tensors[f"base_model.model.{name}.lora_A.weight"] = down.astype(dtype)
        tensors[f"base_model.model.{name}.lora_B.weight"] = up.astype(dtype)
    save_file(tensors, folder / "adapter_model.safetensors", {"format": "pt"})
    fields = {"peft_type": "LORA", "r": rank, "lora_alpha": alpha, **config}
    (folder / "adapter_config.json").write_text(json.dumps(fields))
    return tensors


def llama_modules(layers=2, width=32):
    parts = ("q_proj", "v_proj")
    return {
        f"model.layers.{layer}.self_attn.{part}": (width, width)
        for layer in range(layers)
        for part in parts
    }
