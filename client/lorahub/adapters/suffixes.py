"""What the end of a tensor's name tells: the algorithm, and the tensor's role in it."""

import re

# Last one or two name parts -> (algorithm, role).
_SUFFIXES: dict[str, tuple[str, str]] = {
    "lora_down.weight": ("lora", "down"),
    "lora_up.weight": ("lora", "up"),
    "lora_mid.weight": ("lora", "mid"),
    "lora_A.weight": ("lora", "down"),
    "lora_B.weight": ("lora", "up"),
    "lora_B.bias": ("lora", "bias"),
    "lora_up.bias": ("lora", "bias"),
    "lora_A": ("lora", "down"),
    "lora_B": ("lora", "up"),
    "lora_E": ("adalora", "scale"),
    "lora_ranknum": ("adalora", "lora_ranknum"),
    "lora_embedding_A": ("lora", "embedding_down"),
    "lora_embedding_B": ("lora", "embedding_up"),
    "lora.down.weight": ("lora", "down"),
    "lora.up.weight": ("lora", "up"),
    "lora_linear_layer.down.weight": ("lora", "down"),
    "lora_linear_layer.up.weight": ("lora", "up"),
    "alpha": ("", "alpha"),
    "network_alpha": ("", "alpha"),
    "dora_scale": ("dora", "magnitude"),
    "lora_magnitude_vector": ("dora", "magnitude"),
    "lora_magnitude_vector.weight": ("dora", "magnitude"),
    "hada_w1_a": ("loha", "w1_a"),
    "hada_w1_b": ("loha", "w1_b"),
    "hada_w2_a": ("loha", "w2_a"),
    "hada_w2_b": ("loha", "w2_b"),
    "hada_t1": ("loha", "t1"),
    "hada_t2": ("loha", "t2"),
    "lokr_w1": ("lokr", "w1"),
    "lokr_w1_a": ("lokr", "w1_a"),
    "lokr_w1_b": ("lokr", "w1_b"),
    "lokr_w2": ("lokr", "w2"),
    "lokr_w2_a": ("lokr", "w2_a"),
    "lokr_w2_b": ("lokr", "w2_b"),
    "lokr_t1": ("lokr", "t1"),
    "lokr_t2": ("lokr", "t2"),
    "oft_blocks": ("oft", "blocks"),
    "oft_diag": ("oft", "blocks"),
    "rescale": ("", "rescale"),
    "oft_R.weight": ("oft", "blocks"),
    "oft_R": ("oft", "blocks"),
    "oft_s": ("oft", "scale"),
    "boft_R": ("boft", "blocks"),
    "boft_s": ("boft", "scale"),
    "a1.weight": ("glora", "a1"),
    "a2.weight": ("glora", "a2"),
    "b1.weight": ("glora", "b1"),
    "b2.weight": ("glora", "b2"),
    "bm.weight": ("glora", "bm"),
    "w_norm": ("norm", "diff"),
    "b_norm": ("norm", "bias"),
    "diff": ("full", "diff"),
    "diff_b": ("full", "bias"),
    "set_weight": ("full", "diff"),
    "reshape_weight": ("", "reshape"),
    "on_input": ("ia3", "on_input"),
    "ia3_l": ("ia3", "scale"),
    "vera_lambda_b": ("vera", "scale"),
    "vera_lambda_d": ("vera", "rank_scale"),
    "vera_A": ("vera", "vera_A"),
    "vera_B": ("vera", "vera_B"),
    "prompt_embeddings": ("prompt-tuning", "prompt"),
    "prefix_task_cols": ("prompt-tuning", "prefix_task_cols"),
    "prefix_task_rows": ("prompt-tuning", "prefix_task_rows"),
    "adaption_prompt": ("adaption-prompt", "prompt"),
    "adaption_gate": ("adaption-prompt", "adaption_gate"),
    "trainable_tokens_delta": ("trainable-tokens", "trainable_tokens_delta"),
    "ln_tuning_layers.weight": ("ln-tuning", "scale"),
    "hira_A": ("hira", "down"),
    "hira_B": ("hira", "up"),
    "delora_A": ("delora", "down"),
    "delora_B": ("delora", "up"),
    "peanut_A.weight": ("peanut", "down"),
    "peanut_B.weight": ("peanut", "up"),
    "q_layer.weight": ("tlora", "down"),
    "p_layer.weight": ("tlora", "up"),
    "lambda_layer": ("tlora", "scale"),
    "scalar": ("", "scalar"),
    "lily_A.weight": ("lily", "lily_A"),
    "lily_B.weight": ("lily", "lily_B"),
    "lily_router.weight": ("lily", "lily_router"),
    "beft_bias": ("beft", "beft_bias"),
    "unilora_theta_d": ("unilora", "unilora_theta_d"),
    "miss_block": ("miss", "miss_block"),
}
# PEFT methods whose tensors all share a prefix and whose inner meaning does not matter here.
_OTHER_METHODS = (
    "fourierft", "waveft", "vblora", "randlora", "road", "shira", "c3a", "hra", "frod", "pvera",
    "poly", "gralora", "tinylora", "psoft", "osf", "delora", "shadow", "supertuning", "deft",
    "glora", "oft", "boft", "xlora", "adamss", "cartridge", "unilora", "internal_xlora",
)  # fmt: skip
_OTHER = re.compile(rf"({'|'.join(_OTHER_METHODS)})_\w+$")
_PROCESSOR = re.compile(r"(to_[qkv]|to_out|to_add_out|add_[qkv]_proj|qkv|proj)_lora\d?$")
_DIRECTIONS = frozenset({"down", "up"})
_TAIL = 2
_DEEPEST = 12


def split_name(key: str) -> tuple[str, str, str] | None:
    """(module, algorithm, role) of a tensor name, None for what is not part of an adapter."""
    parts = key.rsplit(".", 3)
    for count in (3, 2, 1):
        if count > len(parts):
            continue
        known = _SUFFIXES.get(".".join(parts[-count:]))
        if known:
            return (key.rsplit(".", count)[0] if count < len(key.split(".")) else "", *known)
    if len(parts) > _TAIL and parts[-2] in _DIRECTIONS and parts[-1] == "weight":
        return _processor(key)
    if len(parts) > _TAIL and parts[-3] in ("lora_A", "lora_B"):
        role = "down" if parts[-3] == "lora_A" else "up"
        return key.rsplit(".", 3)[0], "lora", role if parts[-1] == "weight" else "bias"
    if len(parts) >= _TAIL and parts[-2] in (
        "lora_A",
        "lora_B",
        "lora_embedding_A",
        "lora_embedding_B",
    ):
        known = _SUFFIXES[parts[-2]]
        return (key.rsplit(".", 2)[0], *known)
    return _other(key)


def _other(key: str) -> tuple[str, str, str] | None:
    """The newer methods of PEFT, each with a prefix: `....shadow_down.default.weight`."""
    parts = key.split(".")
    for at in range(len(parts) - 1, max(len(parts) - _DEEPEST, 0) - 1, -1):
        match = _OTHER.match(parts[at])
        if match:
            method = match[1].removeprefix("internal_")
            return ".".join(parts[:at]), method, ".".join(parts[at:])
    return None


def _processor(key: str) -> tuple[str, str, str] | None:
    """Old diffusers and XLabs: `....to_q_lora.down.weight`."""
    path, direction, _ = key.rsplit(".", 2)
    return (path, "lora", direction) if _PROCESSOR.search(path) else None
