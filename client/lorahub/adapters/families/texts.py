"""Language models: the vocabulary of module names, and the dimensions that the projections tell."""

from lorahub.adapters.families.facts import Facts, Guess
from lorahub.adapters.layouts import Layout

LLAMA_LIKE = frozenset({"llama", "mistral", "qwen", "gemma"})

_LANGUAGE_MODULES: tuple[tuple[str, list[str]], ...] = (
    (r"vision_model_encoder_layers", ["clip-vision"]),
    (r"(encoder|decoder)_layers_\d+_(self_attn|encoder_attn|fc[12]).*", ["whisper", "bart", "opt"]),
    (r"block_sparse_moe_experts", ["mixtral"]),
    (r"mlp_experts_\d+_(gate|up|down)_proj", ["qwen", "deepseek"]),
    (r"kv_a_proj_with_mqa|q_a_proj", ["deepseek"]),
    (r"layers_\d+_self_attn_qkv_proj|gate_up_proj", ["phi3"]),
    (r"layers_\d+_self_attn_[qkvo]_proj", ["llama", "mistral", "qwen", "gemma"]),
    (r"layers_\d+_mlp_(gate|up|down)_proj", ["llama", "mistral", "qwen", "gemma"]),
    (r"(^|_)h_\d+_(attn_c_attn|attn_c_proj|mlp_c_fc|mlp_c_proj)", ["gpt2"]),
    (r"gpt_neox|layers_\d+_attention_query_key_value", ["gpt-neox"]),
    (r"(^|_)h_\d+_self_attention_query_key_value", ["bloom", "falcon"]),
    (r"self_attention_query_key_value", ["chatglm"]),
    (r"SelfAttention_[qkvo]$|DenseReluDense|EncDecAttention", ["t5"]),
    (r"roberta_encoder_layer", ["roberta"]),
    (r"(^|_)bert_encoder_layer", ["bert"]),
    (r"distilbert|transformer_layer_\d+_attention_[qkv]_lin", ["distilbert"]),
    (r"vit_encoder_layer", ["vit"]),
    (r"encoder_layer_\d+_attention_(self|output)", ["bert", "roberta"]),
    (r"blocks_\d+_(attn_Wqkv|ffn_up_proj)", ["mpt"]),
    (r"layers_\d+_mixer_(in_proj|x_proj|dt_proj)", ["mamba"]),
)


def language_modules(facts: Facts) -> Guess:
    """Language models: the vocabulary of module names tells the group, not the exact model."""
    for pattern, names in _LANGUAGE_MODULES:
        if facts.has(pattern):
            width = facts.width(r"(q_proj|c_attn|query|SelfAttention_q|qkv_proj|gate_proj)$")
            wide = f", hidden width {width}" if width else ""
            return names, f"modules named like {names[0]}'s{wide}"
    return [], ""


def dimensions(layout: Layout) -> tuple[dict[str, int], int]:
    """What the projections of a language model tell of its dimensions, and its last block."""
    facts = Facts(layout.modules.values())
    asked = (
        ("hidden", r"(^|_)(q_proj|k_proj|v_proj|gate_proj|up_proj)$", False),
        ("hidden", r"(^|_)(o_proj|down_proj)$", True),
        ("q", r"_q_proj$", True),
        ("q", r"self_attn_o_proj$", False),
        ("kv", r"_(k|v)_proj$", True),
        ("ffn", r"_(gate|up)_proj$", True),
        ("ffn", r"_down_proj$", False),
    )
    known: dict[str, int] = {}
    for name, pattern, out in asked:
        width = facts.width(pattern, out=out)
        if width and name not in known:
            known[name] = width
    return known, facts.last(r"layers_(\d+)_")
