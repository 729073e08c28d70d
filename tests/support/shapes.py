"""The modules of real base models at their real sizes, to build headers without any data.

(name with {n} for the block, in, out, blocks). Names are those of diffusers, or of the original
code where `original` says so; only what trainers adapt is here.
"""

from collections.abc import Iterator

from lorahub.adapters import Header, TensorInfo

Rows = list[tuple[str, int, int, int]]
RANK = 16


def _attention(prefix: str, width: int, blocks: int, kv: int | None = None) -> Rows:
    return [
        (f"{prefix}.to_q", width, width, blocks),
        (f"{prefix}.to_k", kv or width, width, blocks),
        (f"{prefix}.to_v", kv or width, width, blocks),
        (f"{prefix}.to_out.0", width, width, blocks),
    ]


def _ff(prefix: str, width: int, blocks: int, wide: int | None = None) -> Rows:
    wide = wide or 4 * width
    return [(f"{prefix}.net.0.proj", width, wide, blocks), (f"{prefix}.net.2", wide, width, blocks)]


def _dual(width: int, blocks: int) -> Rows:
    name = "transformer_blocks.{n}.attn"
    added = [f"{name}.add_q_proj", f"{name}.add_k_proj", f"{name}.add_v_proj", f"{name}.to_add_out"]
    return [*_attention(name, width, blocks), *((each, width, width, blocks) for each in added)]


def _unet(cross: int, levels: list[int], depth: list[int], *, sdxl: bool) -> Rows:
    """Down and up blocks with attention; `depth`: transformer layers at each level (0: none)."""
    rows: Rows = []
    places = [(f"down_blocks.{i}.attentions.0", i) for i in range(len(levels))]
    last = len(levels) - 1
    places += [(f"up_blocks.{last - i}.attentions.0", i) for i in range(len(levels))]
    places.append(("mid_block.attentions.0", last))
    for place, level in places:
        width = levels[level]
        layers = depth[level] if "mid" not in place else max(depth)
        if not layers:
            continue
        rows += [(f"{place}.proj_in", width, width, 1), (f"{place}.proj_out", width, width, 1)]
        for layer in range(layers):
            block = f"{place}.transformer_blocks.{layer}"
            rows += _attention(f"{block}.attn1", width, 1)
            rows += _attention(f"{block}.attn2", width, 1, cross)
            rows += _ff(f"{block}.ff", width, 1, 8 * width)
    return rows


def _original_flux(
    width: int, double: int, single: int, *, mlp: tuple[str, str], wide: int
) -> Rows:
    rows: Rows = []
    for side in ("img", "txt"):
        block = f"double_blocks.{{n}}.{side}"
        rows += [
            (f"{block}_attn.qkv", width, 3 * width, double),
            (f"{block}_attn.proj", width, width, double),
            (f"{block}_{mlp[0]}", width, wide, double),
            (f"{block}_{mlp[1]}", 4 * width, width, double),
        ]
    return [
        *rows,
        ("single_blocks.{n}.linear1", width, 3 * width + wide, single),
        ("single_blocks.{n}.linear2", 5 * width, width, single),
    ]


def _wan(width: int, ffn: int, blocks: int) -> Rows:
    rows: Rows = []
    for kind in ("self_attn", "cross_attn"):
        rows += [(f"blocks.{{n}}.{kind}.{each}", width, width, blocks) for each in "qkvo"]
    return [
        *rows,
        ("blocks.{n}.ffn.0", width, ffn, blocks),
        ("blocks.{n}.ffn.2", ffn, width, blocks),
    ]


def _llm(hidden: int, q: int, kv: int, ffn: int, layers: int) -> Rows:
    head = "model.layers.{n}"
    return [
        (f"{head}.self_attn.q_proj", hidden, q, layers),
        (f"{head}.self_attn.k_proj", hidden, kv, layers),
        (f"{head}.self_attn.v_proj", hidden, kv, layers),
        (f"{head}.self_attn.o_proj", q, hidden, layers),
        (f"{head}.mlp.gate_proj", hidden, ffn, layers),
        (f"{head}.mlp.up_proj", hidden, ffn, layers),
        (f"{head}.mlp.down_proj", ffn, hidden, layers),
    ]


_FLUX_SINGLE: Rows = [
    *((f"single_transformer_blocks.{{n}}.attn.to_{each}", 3072, 3072, 38) for each in "qkv"),
    ("single_transformer_blocks.{n}.proj_mlp", 3072, 12288, 38),
    ("single_transformer_blocks.{n}.proj_out", 15360, 3072, 38),
]

# (layout, rows) of each family.
MODELS: dict[str, tuple[str, Rows]] = {
    "sd1": ("unet", _unet(768, [320, 640, 1280, 1280], [1, 1, 1, 0], sdxl=False)),
    "sd2": ("unet", _unet(1024, [320, 640, 1280, 1280], [1, 1, 1, 0], sdxl=False)),
    "sdxl": ("unet", _unet(2048, [320, 640, 1280], [0, 2, 10], sdxl=True)),
    "sdxl-refiner": ("unet", _unet(1280, [384, 768, 1536, 1536], [0, 4, 4, 0], sdxl=True)),
    "sd3": ("diffusers", [*_dual(1536, 24), *_ff("transformer_blocks.{n}.ff", 1536, 24)]),
    "sd3.5-medium": (
        "diffusers",
        [*_dual(1536, 24), *_attention("transformer_blocks.{n}.attn2", 1536, 13)],
    ),
    "sd3.5-large": ("diffusers", [*_dual(2432, 38), *_ff("transformer_blocks.{n}.ff", 2432, 38)]),
    "flux1": (
        "diffusers",
        [
            *_dual(3072, 19),
            *_ff("transformer_blocks.{n}.ff", 3072, 19),
            *_FLUX_SINGLE,
            ("transformer_blocks.{n}.norm1.linear", 3072, 18432, 19),
            ("single_transformer_blocks.{n}.norm.linear", 3072, 9216, 38),
        ],
    ),
    "chroma": (
        "diffusers",
        [
            *_dual(3072, 19),
            *_FLUX_SINGLE,
            ("distilled_guidance_layer.layers.{n}.linear_1", 5120, 5120, 5),
        ],
    ),
    "flux1 original": (
        "original",
        [
            *_original_flux(3072, 19, 38, mlp=("mlp.0", "mlp.2"), wide=12288),
            ("double_blocks.{n}.img_mod.lin", 3072, 18432, 19),
        ],
    ),
    "flux2": ("original", _original_flux(6144, 8, 48, mlp=("mlp.0", "mlp.2"), wide=36864)),
    "flux2-klein-9b": ("original", _original_flux(4096, 8, 24, mlp=("mlp.0", "mlp.2"), wide=24576)),
    "flux2-klein-4b": ("original", _original_flux(3072, 5, 20, mlp=("mlp.0", "mlp.2"), wide=18432)),
    "hunyuan-video": (
        "original",
        _original_flux(3072, 20, 40, mlp=("mlp.fc1", "mlp.fc2"), wide=12288),
    ),
    "hunyuan-image": (
        "original",
        _original_flux(3584, 20, 40, mlp=("mlp.fc1", "mlp.fc2"), wide=14336),
    ),
    "wan-14b": ("original", _wan(5120, 13824, 40)),
    "wan-1.3b": ("original", _wan(1536, 8960, 30)),
    "wan-5b": ("original", _wan(3072, 14336, 30)),
    "qwen-image": (
        "diffusers",
        [
            *_dual(3072, 60),
            *_ff("transformer_blocks.{n}.img_mlp", 3072, 60),
            ("transformer_blocks.{n}.img_mod.1", 3072, 18432, 60),
        ],
    ),
    "z-image": ("diffusers", _attention("layers.{n}.attention", 3840, 30)),
    "lumina2": ("diffusers", _attention("layers.{n}.attn", 2304, 26, None)),
    "ltx-video": (
        "diffusers",
        [
            *_attention("transformer_blocks.{n}.attn1", 2048, 28),
            *_attention("transformer_blocks.{n}.attn2", 2048, 28),
            *_ff("transformer_blocks.{n}.ff", 2048, 28),
        ],
    ),
    "ltx-video-13b": (
        "diffusers",
        [
            *_attention("transformer_blocks.{n}.attn1", 4096, 48),
            *_attention("transformer_blocks.{n}.attn2", 4096, 48),
        ],
    ),
    "sana": ("diffusers", _attention("transformer_blocks.{n}.attn1", 2240, 20)),
    "pixart": ("diffusers", _attention("transformer_blocks.{n}.attn1", 1152, 28)),
    "cogview4": ("diffusers", _attention("transformer_blocks.{n}.attn1", 2560, 28)),
    "cogvideox-2b": ("diffusers", _attention("transformer_blocks.{n}.attn1", 1920, 30)),
    "cogvideox-5b": ("diffusers", _attention("transformer_blocks.{n}.attn1", 3072, 42)),
    "hidream": (
        "diffusers",
        _attention("double_stream_blocks.{n}.block.attn1", 2560, 16),
    ),
    "krea2": (
        "diffusers",
        [
            ("transformer_blocks.{n}.attn.to_q", 6144, 6144, 28),
            ("transformer_blocks.{n}.attn.to_k", 6144, 1536, 28),
            ("transformer_blocks.{n}.attn.to_v", 6144, 1536, 28),
            ("transformer_blocks.{n}.attn.to_gate", 6144, 6144, 28),
        ],
    ),
    "llama-2-7b": ("peft", _llm(4096, 4096, 4096, 11008, 32)),
    "llama-3.2-1b": ("peft", _llm(2048, 2048, 512, 8192, 16)),
    "llama-3.1-8b": ("peft", _llm(4096, 4096, 1024, 14336, 32)),
    "qwen2.5-7b": ("peft", _llm(3584, 3584, 512, 18944, 28)),
    "qwen2.5-0.5b": ("peft", _llm(896, 896, 128, 4864, 24)),
    "gemma-2-2b": ("peft", _llm(2304, 2048, 1024, 9216, 26)),
    "tinyllama": ("peft", _llm(2048, 2048, 256, 5632, 22)),
}


def rows_of(
    model: str, *, only: str = "", blocks: int | None = None
) -> Iterator[tuple[str, int, int]]:
    """(module, in, out); `only` keeps names with one of these words, `blocks` the first blocks."""
    words = only.split()
    for name, width_in, width_out, count in MODELS[model][1]:
        if words and not any(word in name for word in words):
            continue
        for n in range(min(count, blocks) if blocks else count):
            yield name.format(n=n), width_in, width_out


def header(model: str, layout: str, *, only: str = "", blocks: int | None = None) -> Header:
    """The header of a LoRA of rank RANK, in F16."""
    tensors: dict[str, TensorInfo] = {}
    at = 0
    for name, width_in, width_out in rows_of(model, only=only, blocks=blocks):
        for key, shape in _keys(layout, MODELS[model][0], name, width_in, width_out):
            size = 2
            for each in shape:
                size *= each
            tensors[key] = TensorInfo("F16", shape, at, at + size)
            at += size
    return Header(tensors, {}, 8, at + 8)


def _keys(
    layout: str, kind: str, name: str, width_in: int, width_out: int
) -> list[tuple[str, tuple[int, ...]]]:
    down, up = (RANK, width_in), (width_out, RANK)
    if layout == "kohya":
        head = f"lora_unet_{name.replace('.', '_')}"
        return [
            (f"{head}.lora_down.weight", down),
            (f"{head}.lora_up.weight", up),
            (f"{head}.alpha", ()),
        ]
    heads = {
        "diffusers": "unet." if kind == "unet" else "transformer.",
        "comfyui": "diffusion_model.",
        "original": "",
        "peft": "base_model.model.",
    }
    head = heads[layout] + name
    return [(f"{head}.lora_A.weight", down), (f"{head}.lora_B.weight", up)]
