"""A diffusion pipeline that is kept: recipes in, numbers of pictures out."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from lorahub_server.insight.previews.recipe import ImageRecipe
from lorahub_worker.engines import devices, loading, schedulers
from lorahub_worker.engines.spec import BaseSpec
from lorahub_worker.engines.swapping import Slots, fingerprint

# The parts that adapters may change, the backbone first.
_PARTS = (
    "unet",
    "transformer",
    "transformer_2",
    "text_encoder",
    "text_encoder_2",
    "text_encoder_3",
)
# Their guidance_scale is a number that the model was taught, not how far to go from the negative.
_TRUE_GUIDANCE = ("qwen-image",)
OnPart = Callable[[float], None]


class Painter:
    """One base for pictures. `size`: bytes of its weights."""

    task = "image"

    def __init__(self, spec: BaseSpec) -> None:
        import torch

        self.spec = spec
        self.device = devices.device_name()
        self.dtype = loading.dtype_of(spec, self.device)
        self.pipeline = loading.pipeline(spec, self.dtype)
        self.pipeline.set_progress_bar_config(disable=True)
        self.pipeline.to(self.device)
        modules: dict[str, Any] = {
            name: part
            for name, part in self.pipeline.components.items()
            if isinstance(part, torch.nn.Module)
        }
        for part in modules.values():
            part.requires_grad_(requires_grad=False)
            part.eval()
        self._modules = list(modules.values())
        self.parts = {name: modules[name] for name in _PARTS if name in modules}
        self.slots = Slots(self.parts)
        self.size = devices.bytes_of(self._modules)
        self._own = self.pipeline.scheduler
        self._accepted = frozenset(inspect.signature(self.pipeline.__call__).parameters)
        self._print = fingerprint(self.parts)

    def paint(self, recipes: Sequence[ImageRecipe], on_part: OnPart) -> Any:
        """Numbers from 0 to 1, (n, height, width, 3): recipes that differ in prompt and seed only.

        `on_part(share)` hears after every step how much of the work is done.
        """
        import torch

        pipeline = self.pipeline
        pipeline.scheduler = schedulers.make(recipes[0].scheduler, self._own)

        def told(pipe: Any, step: int, _time: Any, given: dict[str, Any]) -> dict[str, Any]:
            on_part(min(1.0, (step + 1) / max(1, len(pipe.scheduler.timesteps))))
            return given

        with torch.inference_mode():
            made = pipeline(**self._arguments(recipes), callback_on_step_end=told)
        return made.images if hasattr(made, "images") else made.frames[:, 0]

    @contextmanager
    def wide(self) -> Iterator[None]:
        """Full precision for a while; half precision survives the way there and back."""
        import torch

        # Each by itself: some parts are kept in full precision anyway, and stay so.
        kept = [
            (weight, weight.dtype)
            for part in self._modules
            for weight in (*part.parameters(), *part.buffers())
            if weight.is_floating_point()
        ]
        try:
            for weight, _ in kept:
                weight.data = weight.data.to(torch.float32)
            yield
        finally:
            for weight, dtype in kept:
                weight.data = weight.data.to(dtype)

    def unharmed(self) -> bool:
        """Take the adapters out and say whether the base is what it was when it was loaded."""
        self.slots.unload()
        return fingerprint(self.parts) == self._print

    @property
    def scheduler_class(self) -> str:
        return type(self._own).__name__

    def _arguments(self, recipes: Sequence[ImageRecipe]) -> dict[str, Any]:
        import torch

        first = recipes[0]
        # On the CPU, so that every device begins with the same noise, in whatever company.
        generators = [torch.Generator("cpu").manual_seed(recipe.seed) for recipe in recipes]
        wanted: dict[str, Any] = {
            "prompt": [recipe.prompt for recipe in recipes],
            "negative_prompt": [recipe.negative for recipe in recipes],
            "num_inference_steps": first.steps,
            "guidance_scale": first.guidance,
            "guidance_rescale": first.guidance_rescale,
            "width": first.width,
            "height": first.height,
            "generator": generators,
            "output_type": "np",
            "num_frames": 1,
        }
        if self.spec.family in _TRUE_GUIDANCE:
            wanted["true_cfg_scale"] = wanted.pop("guidance_scale")
        return {name: value for name, value in wanted.items() if name in self._accepted}
