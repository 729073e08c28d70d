"""Other kinds of pipelines, tiny and random: each draws, and takes adapters in two layouts."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from lorahub.adapters import convert
from lorahub_worker.engines.spec import BaseSpec
from support.models import _tokenizer

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:__array__ implementation")]


def clip(tokenizer, width: int, kind: str = "CLIPTextModel"):
    import transformers

    config = transformers.CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=width, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=24, projection_dim=32,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    return getattr(transformers, kind)(config)


def vae(channels: int, **more):
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(16, 32, 32, 32),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        norm_num_groups=8,
        latent_channels=channels,
        **more,
    )


def sdxl():
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline
    from diffusers import UNet2DConditionModel as UNet

    tokenizer = _tokenizer()
    unet = UNet(
        sample_size=8, layers_per_block=2, block_out_channels=(32, 64, 64),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 2, 2), attention_head_dim=8, norm_num_groups=8,
        cross_attention_dim=2048, use_linear_projection=True, addition_embed_type="text_time",
        addition_time_embed_dim=8, projection_class_embeddings_input_dim=6 * 8 + 32,
    )  # fmt: skip
    return StableDiffusionXLPipeline(
        vae=vae(4), unet=unet, scheduler=EulerDiscreteScheduler(), tokenizer=tokenizer,
        tokenizer_2=tokenizer, text_encoder=clip(tokenizer, 768),
        text_encoder_2=clip(tokenizer, 1280, "CLIPTextModelWithProjection"),
    )  # fmt: skip


def t5():
    from transformers import T5Config, T5EncoderModel, T5Tokenizer

    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    pieces += [(chr(code), -3.0) for code in range(97, 123)]
    tokenizer = T5Tokenizer(vocab=pieces, extra_ids=0)
    config = T5Config(
        vocab_size=len(tokenizer), d_model=32, d_ff=37, d_kv=8, num_layers=2, num_heads=4,
        feed_forward_proj="gated-gelu",
    )  # fmt: skip
    return tokenizer, T5EncoderModel(config)


def flux():
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel

    tokenizer = _tokenizer()
    words, encoder = t5()
    transformer = FluxTransformer2DModel(
        patch_size=1, in_channels=16, num_layers=2, num_single_layers=2, attention_head_dim=16,
        num_attention_heads=2, joint_attention_dim=32, pooled_projection_dim=32,
        axes_dims_rope=(4, 4, 8), guidance_embeds=True,
    )  # fmt: skip
    return FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=1.0), transformer=transformer,
        vae=vae(4, use_quant_conv=False, use_post_quant_conv=False, shift_factor=0.0),
        text_encoder=clip(tokenizer, 32), tokenizer=tokenizer, text_encoder_2=encoder,
        tokenizer_2=words,
    )  # fmt: skip


def sd3():
    from diffusers import (
        FlowMatchEulerDiscreteScheduler,
        SD3Transformer2DModel,
        StableDiffusion3Pipeline,
    )

    tokenizer = _tokenizer()
    words, encoder = t5()
    transformer = SD3Transformer2DModel(
        sample_size=8, patch_size=2, in_channels=4, num_layers=2, attention_head_dim=8,
        num_attention_heads=4, caption_projection_dim=32, joint_attention_dim=32,
        pooled_projection_dim=64, out_channels=4,
    )  # fmt: skip
    return StableDiffusion3Pipeline(
        transformer=transformer, scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=vae(4, use_quant_conv=False, use_post_quant_conv=False, shift_factor=0.0),
        text_encoder=clip(tokenizer, 32, "CLIPTextModelWithProjection"), tokenizer=tokenizer,
        text_encoder_2=clip(tokenizer, 32, "CLIPTextModelWithProjection"), tokenizer_2=tokenizer,
        text_encoder_3=encoder, tokenizer_3=words,
    )  # fmt: skip


KINDS = {"sdxl": (sdxl, "unet"), "flux1": (flux, "transformer"), "sd3": (sd3, "transformer")}


@pytest.mark.parametrize("family", KINDS)
def test_it_draws_and_takes_adapters(atelier, tmp_path, family):
    make, backbone = KINDS[family]
    torch.manual_seed(5)
    pipeline = make()
    pipeline.save_pretrained(tmp_path / "base")
    atelier.image = BaseSpec(f"tiny-{family}", "image", family, tmp_path / "base")
    one = adapter(getattr(pipeline, backbone), backbone, tmp_path / "diffusers.safetensors")
    convert(one, tmp_path / "kohya.safetensors", layout="kohya", family=family)
    shas = [atelier.add(tmp_path / f"{layout}.safetensors") for layout in ("diffusers", "kohya")]
    base = atelier.draw()
    assert np.asarray(base.picture).std() > 0
    assert base.picture.size == (64, 64)
    first, second = (np.asarray(atelier.draw(sha).picture, "f4") for sha in shas)
    assert np.abs(first - np.asarray(base.picture, "f4")).mean() > 1
    # Fused projections come apart again without loss; scales are shared out otherwise.
    assert np.abs(first - second).max() <= 1
    assert atelier.draw().picture.tobytes() == base.picture.tobytes()
    assert atelier.draw(scheduler="euler").picture.size == (64, 64)


def adapter(model, backbone, path):
    chance = torch.Generator().manual_seed(2)
    tensors = {}
    for name, module in model.named_modules():
        if name.endswith((".to_q", ".to_k", ".to_v", ".to_out.0", "ff.net.2")):
            rows, columns = module.weight.shape
            down = torch.randn(4, columns, generator=chance) / columns**0.5
            up = torch.randn(rows, 4, generator=chance)
            tensors[f"{backbone}.{name}.lora_A.weight"] = down
            tensors[f"{backbone}.{name}.lora_B.weight"] = up
    save_file(tensors, path)
    assert load_file(path)
    return path


def test_turned_layers_take_adapters(atelier, tmp_path):
    """GPT-2 keeps its matrices on their side."""
    from peft import LoraConfig, PeftModel, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, GPT2LMHeadModel

    tokenizer = AutoTokenizer.from_pretrained(atelier.text.path)
    torch.manual_seed(3)
    config = GPT2Config(
        vocab_size=len(tokenizer), n_embd=32, n_layer=2, n_head=2, n_positions=128, bos_token_id=1,
        eos_token_id=2, pad_token_id=0, initializer_range=0.5,
    )  # fmt: skip
    GPT2LMHeadModel(config).save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    wanted = LoraConfig(
        r=4, lora_alpha=8, target_modules=["c_attn", "c_proj"], init_lora_weights=False,
        fan_in_fan_out=True, task_type="CAUSAL_LM",
    )  # fmt: skip
    get_peft_model(model, wanted).save_pretrained(tmp_path / "adapter")
    atelier.text = replace(atelier.text, id="gpt2", family="gpt2", path=tmp_path / "base")
    sha = atelier.add(tmp_path / "adapter" / "adapter_model.safetensors")
    theirs = PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(tmp_path / "base"), tmp_path / "adapter"
    )
    asked = "<s>user: Name a colour.\nassistant: "
    given = tokenizer(asked, add_special_tokens=False, return_tensors="pt")
    made = theirs.generate(**given, max_new_tokens=10, do_sample=False)
    text = tokenizer.decode(made[0, given.input_ids.shape[1] :], skip_special_tokens=True)
    assert atelier.write(sha) == text
    assert atelier.write() != text
