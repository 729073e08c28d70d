"""What our engine costs beside bare diffusers, and what switching adapters costs.

At the size of Stable Diffusion 1.5 (and XL where there is a GPU), with random weights. On the CPU
time is that of the process, so that what else runs there counts little.
"""

import hashlib
import time
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from safetensors.numpy import save_file

from lorahub_server.insight.previews.recipe import ImageRecipe
from lorahub_worker.engines.spec import AdapterFile, BaseSpec
from support import programs

pytestmark = pytest.mark.bench
DIGEST = "d" * 64
RANK = 16
_TARGETS = ("to_q", "to_k", "to_v", "to_out.0", "proj_in", "proj_out", "net.0.proj", "net.2")


class Model:
    """A base of a real size in memory, and a studio that has it as if it lay on disk."""

    def __init__(self, size: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from lorahub_worker.engines import devices, loading
        from lorahub_worker.engines.studio import Studio

        self.size, self.loads = size, 0
        (folder / "weights").mkdir()

        def build(_spec, dtype):
            self.loads += 1
            return _sd15(dtype) if size == "sd15" else _sdxl(dtype)

        monkeypatch.setattr(loading, "pipeline", build)
        family = "sd1" if size == "sd15" else "sdxl"
        self.spec = BaseSpec(size, "image", family, folder / "weights", digest=DIGEST)
        self.studio = Studio(batch=1)
        self.studio.prepare()
        self.on_gpu = devices.device_name() == "cuda"
        # On the CPU small, as the shares of a picture's time are the same and all of it is less.
        self.pixels = (512 if size == "sd15" else 1024) if self.on_gpu else 64
        self.painter = self.studio.shelf.get(self.spec)
        self.files: dict[str, AdapterFile] = {}
        self.folder = folder

    def clock(self) -> float:
        from lorahub_worker.engines import devices

        devices.synchronise()
        return time.perf_counter() if self.on_gpu else time.process_time()

    def adapter(self, seed: int, rank: int = RANK) -> str:
        rng = np.random.default_rng(seed)
        tensors = {}
        for name, module in self.painter.pipeline.unet.named_modules():
            weight = getattr(module, "weight", None)
            if name.endswith(_TARGETS) and weight is not None and "lora" not in name:
                out, inner = weight.shape[:2]
                down = rng.standard_normal((rank, inner), dtype="f4") / inner
                tensors[f"unet.{name}.lora_A.weight"] = down.astype("f2")
                up = rng.standard_normal((out, rank), dtype="f4")
                tensors[f"unet.{name}.lora_B.weight"] = up.astype("f2")
        path = self.folder / f"{seed}.safetensors"
        save_file(tensors, path)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        self.files[sha256] = AdapterFile(sha256, path)
        return sha256

    def recipe(self, steps: int, *shas: str, seed: int = 0) -> ImageRecipe:
        return ImageRecipe(
            base={"id": self.size, "digest": DIGEST}, prompt="a bench", seed=seed, steps=steps,
            adapters=[{"sha256": sha256} for sha256 in shas], width=self.pixels,
            height=self.pixels,
        )  # fmt: skip

    def ours(self, recipes: list[ImageRecipe]) -> float:
        began = self.clock()
        assert len(list(self.studio.render(self.spec, recipes, self.files))) == len(recipes)
        return self.clock() - began

    def bare(self, steps: int, seed: int) -> float:
        import torch

        began = self.clock()
        self.painter.pipeline(
            "a bench", num_inference_steps=steps, guidance_scale=5.0, width=self.pixels,
            height=self.pixels, generator=torch.Generator().manual_seed(seed),
        )  # fmt: skip
        return self.clock() - began


@pytest.fixture(scope="module", params=["sd15", "sdxl"])
def model(request, tmp_path_factory):
    import torch

    if request.param == "sdxl" and not torch.cuda.is_available():
        programs.absent("SDXL is measured on a GPU")
    patch = pytest.MonkeyPatch()
    made = Model(request.param, tmp_path_factory.mktemp(request.param), patch)
    made.ours([made.recipe(2, seed=99)])  # the first run is slower than all others
    yield made
    patch.undo()
    made.studio.close()


def test_a_picture_takes_as_long_as_the_bare_call(model):
    steps = 20 if model.on_gpu else 4
    rounds = [
        (model.ours([model.recipe(steps, seed=seed)]), model.bare(steps, seed)) for seed in range(5)
    ]
    ratio = median(ours / bare for ours, bare in rounds)
    print(f"\n{model.size}, {model.pixels} px, {steps} steps: {ratio:.3f} times the bare call")
    assert ratio <= 1.05


def test_a_swap_is_a_small_part_of_a_picture(model):
    from lorahub_worker.engines import adapters

    shas = [model.adapter(seed, rank) for seed, rank in ((1, 16), (2, 16), (3, 64), (4, 8))]
    picture = model.ours([model.recipe(20, shas[0])])
    family = model.spec.family
    read = [adapters.read(model.files[sha256], family) for sha256 in shas]

    def put(weights) -> float:
        began = model.clock()
        model.painter.slots.use([(weights, 1.0)])
        return model.clock() - began

    put(read[0])
    same = median(put(read[turn % 2]) for turn in range(1, 11))
    other = median(put(read[turn % 4]) for turn in range(2, 14))
    began = model.clock()
    adapters.read(model.files[shas[2]], family)
    load = model.clock() - began
    print(
        f"\n{model.size}, 20 steps in {picture:.2f} s: reading an adapter of rank 64 takes "
        f"{load / picture:.2%} of that, a swap within one rank {same / picture:.2%} "
        f"({same * 1000:.0f} ms), to another {other / picture:.2%} ({other * 1000:.0f} ms)"
    )
    assert max(same, other) + load <= 0.1 * picture


def test_twenty_adapters_take_little_longer_than_one(model):
    steps = 20 if model.on_gpu else 2
    shas = [model.adapter(100 + number) for number in range(20)]
    model.ours([model.recipe(steps, shas[-1])])
    many = one = 0.0
    for sha256 in shas:
        # In turn, so that both are measured in the same weather.
        many += model.ours([model.recipe(steps, sha256, seed=1)])
        one += model.ours([model.recipe(steps, sha256, seed=2)])
    print(
        f"\n{model.size}, {steps} steps: pictures with 20 adapters take {many / one:.3f} times the "
        f"time of as many without a swap ({one / 20:.2f} s each)"
    )
    assert model.loads == 1
    assert many <= 1.15 * one


def _sd15(dtype):
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline
    from diffusers import UNet2DConditionModel as UNet
    from transformers import CLIPTextModel

    from support.models import _tokenizer

    tokenizer = _tokenizer()
    pipeline = StableDiffusionPipeline(
        vae=_random(lambda: AutoencoderKL(**_VAE), dtype),
        text_encoder=_random(lambda: CLIPTextModel(_clip(tokenizer, 768, 12, 12)), dtype),
        tokenizer=tokenizer,
        unet=_random(lambda: UNet(cross_attention_dim=768, attention_head_dim=8), dtype),
        scheduler=DDIMScheduler(clip_sample=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _sdxl(dtype):
    from diffusers import AutoencoderKL, EulerDiscreteScheduler, StableDiffusionXLPipeline
    from diffusers import UNet2DConditionModel as UNet
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    from support.models import _tokenizer

    tokenizer = _tokenizer()
    pipeline = StableDiffusionXLPipeline(
        vae=_random(lambda: AutoencoderKL(**_VAE), dtype),
        text_encoder=_random(lambda: CLIPTextModel(_clip(tokenizer, 768, 12, 12)), dtype),
        text_encoder_2=_random(
            lambda: CLIPTextModelWithProjection(_clip(tokenizer, 1280, 32, 20)), dtype
        ),
        tokenizer=tokenizer,
        tokenizer_2=tokenizer,
        unet=_random(
            lambda: UNet(
                sample_size=128,
                down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
                up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
                block_out_channels=(320, 640, 1280),
                transformer_layers_per_block=(1, 2, 10),
                attention_head_dim=(5, 10, 20),
                cross_attention_dim=2048,
                use_linear_projection=True,
                addition_embed_type="text_time",
                addition_time_embed_dim=256,
                projection_class_embeddings_input_dim=2816,
            ),
            dtype,
        ),
        scheduler=EulerDiscreteScheduler(),
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


_VAE = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
    "latent_channels": 4,
}


def _clip(tokenizer, width, layers, heads):
    from transformers import CLIPTextConfig

    return CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=width, intermediate_size=4 * width,
        num_hidden_layers=layers, num_attention_heads=heads, max_position_embeddings=24,
        projection_dim=1280, bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip


def _random(make, dtype):
    """Its shape at once, then small random numbers: quicker than each layer's own beginning."""
    import torch

    with torch.device("meta"):
        model = make()
    model = model.to_empty(device="cpu")
    chance = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim < 2:
                weight.fill_(1.0 if "norm" in name and name.endswith("weight") else 0.0)
            else:
                weight.normal_(0, 0.02, generator=chance)
        for name, buffer in model.named_buffers():
            if name.endswith("position_ids"):
                buffer.copy_(torch.arange(buffer.shape[-1]).expand_as(buffer))
    return model.to(dtype).eval()
