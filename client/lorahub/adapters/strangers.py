"""Files that look like adapters and are none: whole models, ControlNets, IP-Adapters."""

import re
from collections.abc import Iterable, Mapping

from lorahub.adapters.errors import AdapterFileError, shown
from lorahub.adapters.tensors import TensorInfo

_NEVER_ADAPTERS: tuple[tuple[str, str], ...] = (
    (r"lllite_", "This is a ControlNet-LLLite, which is not a LoRA-type adapter."),
    (r"lora_controlnet$", "This is a Control-LoRA, a ControlNet and not a LoRA-type adapter."),
    (r"(image_proj|ip_adapter)\.", "This is an IP-Adapter, which is not a LoRA-type adapter."),
)
_LANGUAGE = (
    r"(model\.layers\.|model\.embed_tokens|lm_head|transformer\.h\.|text_model\.|"
    r"shared\.weight|(encoder|decoder)\.(block|layer|layers)\.|embeddings\.)"
)
_WHOLE_MODELS: tuple[tuple[str, str], ...] = (
    (r".*motion_modules\.", "This is a whole motion module of AnimateDiff, not an adapter."),
    (r"adapter\.(body|conv_in)\.", "This is a T2I-Adapter, which is not a LoRA-type adapter."),
    (r"(body\.\d+\.rdb\d|model\.\d+\.sub\.)", "This is an upscaler, not an adapter."),
    (r"(control_model|controlnet_)", "This is a ControlNet, which is not a LoRA-type adapter."),
    (
        r"(model\.diffusion_model|first_stage_model|cond_stage_model|conditioner\.embedders)\.",
        "This is a whole checkpoint, not an adapter.",
    ),
    (r"(decoder|encoder)\.(conv_in|down|mid_block|up_blocks)", "This is a VAE, not an adapter."),
    (
        _LANGUAGE,
        "These are the weights of a whole language or text model, not an adapter.",
    ),
    (
        r"(model\.)?(down_blocks|input_blocks|double_blocks|transformer_blocks|blocks|layers)",
        "These are the weights of a whole diffusion model, not an adapter.",
    ),
)
# Whole tensors that may come with an adapter: heads, resized embeddings, norms.
_FEW_EXTRAS = 8
_NO_ADAPTER_HINT = (
    "Upload only the trained adapter (a .safetensors with LoRA, LoHa, LoKr, OFT, IA3 or similar "
    "tensors); extract it from a merged model first."
)


def refuse_non_adapters(
    tensors: Mapping[str, TensorInfo], extras: Mapping[str, TensorInfo], *, recognised: bool
) -> None:
    """Raise AdapterFileError("not_an_adapter") unless the file is mainly an adapter.

    `extras` are the tensors that belong to no adapter module, `recognised` whether any does.
    """
    _refuse(_NEVER_ADAPTERS, tensors)
    if recognised and len(extras) <= max(_FEW_EXTRAS, len(tensors) - len(extras)):
        return
    _refuse(_WHOLE_MODELS, extras)
    first = next(iter(extras), "")
    raise AdapterFileError(
        "not_an_adapter",
        f"No adapter was recognised in this file; {shown(first)} belongs to no known layout.",
        hint=_NO_ADAPTER_HINT,
        key=first or None,
    )


def _refuse(patterns: tuple[tuple[str, str], ...], names: Iterable[str]) -> None:
    for key in names:
        for pattern, reason in patterns:
            if re.match(pattern, key):
                raise AdapterFileError("not_an_adapter", reason, hint=_NO_ADAPTER_HINT, key=key)
