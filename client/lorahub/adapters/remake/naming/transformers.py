"""Diffusion transformers: the names of the model's authors, and those of diffusers."""

from functools import lru_cache

from lorahub.adapters.remake.naming.rules import Names, table

_FLUX = """
[double_blocks.{} -> transformer_blocks.{}]
img_attn.qkv -> attn.to_q attn.to_k attn.to_v : equal
txt_attn.qkv -> attn.add_q_proj attn.add_k_proj attn.add_v_proj : equal
img_attn.proj -> attn.to_out.0
txt_attn.proj -> attn.to_add_out
img_mlp.0 -> ff.net.0.proj
img_mlp.2 -> ff.net.2
txt_mlp.0 -> ff_context.net.0.proj
txt_mlp.2 -> ff_context.net.2
img_mod.lin -> norm1.linear
txt_mod.lin -> norm1_context.linear
?processor.qkv_lora1 -> attn.to_q attn.to_k attn.to_v : equal
?processor.qkv_lora2 -> attn.add_q_proj attn.add_k_proj attn.add_v_proj : equal
?processor.proj_lora1 -> attn.to_out.0
?processor.proj_lora2 -> attn.to_add_out
[single_blocks.{} -> single_transformer_blocks.{}]
linear1 -> attn.to_q attn.to_k attn.to_v proj_mlp : hidden
linear2 -> proj_out
modulation.lin -> norm.linear
?processor.qkv_lora -> attn.to_q attn.to_k attn.to_v : equal
?processor.proj_lora -> proj_out
[ -> ]
img_in -> x_embedder
txt_in -> context_embedder
time_in.in_layer -> time_text_embed.timestep_embedder.linear_1
time_in.out_layer -> time_text_embed.timestep_embedder.linear_2
vector_in.in_layer -> time_text_embed.text_embedder.linear_1
vector_in.out_layer -> time_text_embed.text_embedder.linear_2
guidance_in.in_layer -> time_text_embed.guidance_embedder.linear_1
guidance_in.out_layer -> time_text_embed.guidance_embedder.linear_2
final_layer.linear -> proj_out
final_layer.adaLN_modulation.1 -> norm_out.linear : swap
distilled_guidance_layer.in_proj -> distilled_guidance_layer.in_proj
distilled_guidance_layer.out_proj -> distilled_guidance_layer.out_proj
distilled_guidance_layer.layers.{}.in_layer -> distilled_guidance_layer.layers.{}.linear_1
distilled_guidance_layer.layers.{}.out_layer -> distilled_guidance_layer.layers.{}.linear_2
"""
_SD3 = """
[joint_blocks.{} -> transformer_blocks.{}]
x_block.attn.qkv -> attn.to_q attn.to_k attn.to_v : equal
context_block.attn.qkv -> attn.add_q_proj attn.add_k_proj attn.add_v_proj : equal
x_block.attn2.qkv -> attn2.to_q attn2.to_k attn2.to_v : equal
x_block.attn.proj -> attn.to_out.0
context_block.attn.proj -> attn.to_add_out
x_block.attn2.proj -> attn2.to_out.0
x_block.mlp.fc1 -> ff.net.0.proj
x_block.mlp.fc2 -> ff.net.2
context_block.mlp.fc1 -> ff_context.net.0.proj
context_block.mlp.fc2 -> ff_context.net.2
x_block.adaLN_modulation.1 -> norm1.linear
context_block.adaLN_modulation.1 -> norm1_context.linear : swap-last
[ -> ]
x_embedder.proj -> pos_embed.proj
context_embedder -> context_embedder
t_embedder.mlp.0 -> time_text_embed.timestep_embedder.linear_1
t_embedder.mlp.2 -> time_text_embed.timestep_embedder.linear_2
y_embedder.mlp.0 -> time_text_embed.text_embedder.linear_1
y_embedder.mlp.2 -> time_text_embed.text_embedder.linear_2
final_layer.linear -> proj_out
final_layer.adaLN_modulation.1 -> norm_out.linear : swap
"""
_HUNYUAN = """
[double_blocks.{} -> transformer_blocks.{}]
img_attn_qkv -> attn.to_q attn.to_k attn.to_v : equal
txt_attn_qkv -> attn.add_q_proj attn.add_k_proj attn.add_v_proj : equal
img_attn_proj -> attn.to_out.0
txt_attn_proj -> attn.to_add_out
img_mlp.fc1 -> ff.net.0.proj
img_mlp.fc2 -> ff.net.2
txt_mlp.fc1 -> ff_context.net.0.proj
txt_mlp.fc2 -> ff_context.net.2
img_mod.linear -> norm1.linear
txt_mod.linear -> norm1_context.linear
[single_blocks.{} -> single_transformer_blocks.{}]
linear1 -> attn.to_q attn.to_k attn.to_v proj_mlp : hidden
linear2 -> proj_out
modulation.linear -> norm.linear
[txt_in.individual_token_refiner.blocks.{} -> context_embedder.token_refiner.refiner_blocks.{}]
self_attn_qkv -> attn.to_q attn.to_k attn.to_v : equal
self_attn_proj -> attn.to_out.0
mlp.fc1 -> ff.net.0.proj
mlp.fc2 -> ff.net.2
adaLN_modulation.1 -> norm_out.linear
[txt_in -> context_embedder]
input_embedder -> proj_in
t_embedder.mlp.0 -> time_text_embed.timestep_embedder.linear_1
t_embedder.mlp.2 -> time_text_embed.timestep_embedder.linear_2
c_embedder.linear_1 -> time_text_embed.text_embedder.linear_1
c_embedder.linear_2 -> time_text_embed.text_embedder.linear_2
[ -> ]
img_in.proj -> x_embedder.proj
time_in.mlp.0 -> time_text_embed.timestep_embedder.linear_1
time_in.mlp.2 -> time_text_embed.timestep_embedder.linear_2
guidance_in.mlp.0 -> time_text_embed.guidance_embedder.linear_1
guidance_in.mlp.2 -> time_text_embed.guidance_embedder.linear_2
vector_in.in_layer -> time_text_embed.text_embedder.linear_1
vector_in.out_layer -> time_text_embed.text_embedder.linear_2
final_layer.linear -> proj_out
final_layer.adaLN_modulation.1 -> norm_out.linear : swap
"""
_WAN = """
[blocks.{} -> blocks.{}]
self_attn.q -> attn1.to_q
self_attn.k -> attn1.to_k
self_attn.v -> attn1.to_v
self_attn.o -> attn1.to_out.0
cross_attn.q -> attn2.to_q
cross_attn.k -> attn2.to_k
cross_attn.v -> attn2.to_v
cross_attn.o -> attn2.to_out.0
cross_attn.k_img -> attn2.add_k_proj
cross_attn.v_img -> attn2.add_v_proj
ffn.0 -> ffn.net.0.proj
ffn.2 -> ffn.net.2
[ -> ]
patch_embedding -> patch_embedding
text_embedding.0 -> condition_embedder.text_embedder.linear_1
text_embedding.2 -> condition_embedder.text_embedder.linear_2
time_embedding.0 -> condition_embedder.time_embedder.linear_1
time_embedding.2 -> condition_embedder.time_embedder.linear_2
time_projection.1 -> condition_embedder.time_proj
img_emb.proj.1 -> condition_embedder.image_embedder.ff.net.0.proj
img_emb.proj.3 -> condition_embedder.image_embedder.ff.net.2
head.head -> proj_out
"""
_QWEN = """
[transformer_blocks.{} -> transformer_blocks.{}]
attn.to_q -> attn.to_q
attn.to_k -> attn.to_k
attn.to_v -> attn.to_v
attn.add_q_proj -> attn.add_q_proj
attn.add_k_proj -> attn.add_k_proj
attn.add_v_proj -> attn.add_v_proj
attn.to_out.0 -> attn.to_out.0
attn.to_add_out -> attn.to_add_out
img_mlp.net.0.proj -> img_mlp.net.0.proj
img_mlp.net.2 -> img_mlp.net.2
txt_mlp.net.0.proj -> txt_mlp.net.0.proj
txt_mlp.net.2 -> txt_mlp.net.2
img_mod.1 -> img_mod.1
txt_mod.1 -> txt_mod.1
[ -> ]
img_in -> img_in
txt_in -> txt_in
norm_out.linear -> norm_out.linear
proj_out -> proj_out
time_text_embed.timestep_embedder.linear_1 -> time_text_embed.timestep_embedder.linear_1
time_text_embed.timestep_embedder.linear_2 -> time_text_embed.timestep_embedder.linear_2
"""
# The sound is LTX-2's.
_LTX = """
[transformer_blocks.{} -> transformer_blocks.{}]
attn1.to_q -> attn1.to_q
attn1.to_k -> attn1.to_k
attn1.to_v -> attn1.to_v
attn1.to_out.0 -> attn1.to_out.0
attn2.to_q -> attn2.to_q
attn2.to_k -> attn2.to_k
attn2.to_v -> attn2.to_v
attn2.to_out.0 -> attn2.to_out.0
ff.net.0.proj -> ff.net.0.proj
ff.net.2 -> ff.net.2
audio_attn1.to_q -> audio_attn1.to_q
audio_attn1.to_k -> audio_attn1.to_k
audio_attn1.to_v -> audio_attn1.to_v
audio_attn1.to_out.0 -> audio_attn1.to_out.0
audio_attn2.to_q -> audio_attn2.to_q
audio_attn2.to_k -> audio_attn2.to_k
audio_attn2.to_v -> audio_attn2.to_v
audio_attn2.to_out.0 -> audio_attn2.to_out.0
audio_to_video_attn.to_q -> audio_to_video_attn.to_q
audio_to_video_attn.to_k -> audio_to_video_attn.to_k
audio_to_video_attn.to_v -> audio_to_video_attn.to_v
audio_to_video_attn.to_out.0 -> audio_to_video_attn.to_out.0
video_to_audio_attn.to_q -> video_to_audio_attn.to_q
video_to_audio_attn.to_k -> video_to_audio_attn.to_k
video_to_audio_attn.to_v -> video_to_audio_attn.to_v
video_to_audio_attn.to_out.0 -> video_to_audio_attn.to_out.0
audio_ff.net.0.proj -> audio_ff.net.0.proj
audio_ff.net.2 -> audio_ff.net.2
[ -> ]
patchify_proj -> proj_in
proj_out -> proj_out
adaln_single.linear -> time_embed.linear
adaln_single.emb.timestep_embedder.linear_1 -> time_embed.emb.timestep_embedder.linear_1
adaln_single.emb.timestep_embedder.linear_2 -> time_embed.emb.timestep_embedder.linear_2
caption_projection.linear_1 -> caption_projection.linear_1
caption_projection.linear_2 -> caption_projection.linear_2
"""
_STACKS = ("layers", "noise_refiner", "context_refiner")
_Z_IMAGE = "".join(
    f"""
[{stack}.{{}} -> {stack}.{{}}]
attention.to_q -> attention.to_q
attention.to_k -> attention.to_k
attention.to_v -> attention.to_v
attention.to_out.0 -> attention.to_out.0
feed_forward.w1 -> feed_forward.w1
feed_forward.w2 -> feed_forward.w2
feed_forward.w3 -> feed_forward.w3
adaLN_modulation.0 -> adaLN_modulation.0
?attention.qkv -> attention.to_q attention.to_k attention.to_v : equal
?attention.out -> attention.to_out.0"""
    for stack in _STACKS
)
_LUMINA = "".join(
    f"""
[{stack}.{{}} -> {stack}.{{}}]
attention.qkv -> attn.to_q attn.to_k attn.to_v : grouped
attention.out -> attn.to_out.0
feed_forward.w1 -> feed_forward.linear_1
feed_forward.w2 -> feed_forward.linear_2
feed_forward.w3 -> feed_forward.linear_3
adaLN_modulation.1 -> norm1.linear"""
    for stack in _STACKS
)
_TABLES = {
    "flux": _FLUX,
    "sd3": _SD3,
    "hunyuan-video": _HUNYUAN,
    "wan": _WAN,
    "qwen-image": _QWEN,
    "ltx-video": _LTX,
    "z-image": _Z_IMAGE,
    "lumina2": _LUMINA,
}


@lru_cache
def transformer_names(model: str) -> Names:
    return Names(list(table(_TABLES[model])))
