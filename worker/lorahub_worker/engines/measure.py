"""What an adapter costs: time to read and apply it, to switch to it, to draw with it; memory."""

import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

from lorahub_server.insight.previews.recipe import BaseUse, ImageRecipe, TextRecipe
from lorahub_worker.engines import adapters, devices
from lorahub_worker.engines.adapters import Weights
from lorahub_worker.engines.images import Painter
from lorahub_worker.engines.spec import AdapterFile, AnyRecipe, SpeedFigures
from lorahub_worker.engines.text import Writer

_SWITCHES = 5
_RUNS = 3
# One picture that takes longer than this is drawn once for each figure.
_LONG_MS = 5000
_TOKENS = 32
OnPart = Callable[[float], None]


def measure(
    engine: Painter | Writer,
    file: AdapterFile,
    recipe: AnyRecipe | None = None,
    on_part: OnPart = lambda _share: None,
) -> SpeedFigures:
    """Measure the adapter at the recipe's setting. Raises AdapterRefused.

    `on_part(share)` hears all the time how far it is, and may raise to end it.
    """
    heard = _Rounds(on_part)
    work, setting = _work(engine, recipe, heard.told)
    slots = engine.slots
    slots.unload()
    base_ms, runs = _typical(work, first=True)
    heard.next()
    began = time.perf_counter()
    weights = adapters.read(file, engine.spec.family)
    slots.use([(weights, 1.0)])
    devices.synchronise()
    load_ms = (time.perf_counter() - began) * 1000
    # The same numbers as another adapter: what a switch within one shape costs.
    other = Weights(weights.sha256, weights.parts)
    turns = [other, weights] * _SWITCHES
    swaps = [_ms(partial(slots.use, [(each, 1.0)])) for each in turns]
    unfused_ms, _ = _typical(work, runs)
    heard.next()
    fused_ms = None
    if all(change.magnitude is None and not change.embedding for _, _, change in weights):
        with slots.fused():
            fused_ms, _ = _typical(work, runs)
    size = sum(
        tensor.numel() * engine.dtype.itemsize
        for _, _, change in weights
        for tensor in (change.down, change.up)
    )
    return SpeedFigures(
        load_ms=round(load_ms, 1),
        swap_ms=round(median(swaps), 1),
        base_ms=round(base_ms, 1),
        unfused_ms=round(unfused_ms, 1),
        fused_ms=None if fused_ms is None else round(fused_ms, 1),
        memory=size,
        setting=setting,
    )


def _work(
    engine: Painter | Writer, recipe: AnyRecipe | None, heard: OnPart
) -> tuple[Callable[[], object], dict[str, Any]]:
    setting: dict[str, Any] = {
        "device": devices.label(),
        "dtype": str(engine.dtype).removeprefix("torch."),
        "libraries": devices.libraries(),
    }
    use = BaseUse(id=engine.spec.id, digest=engine.spec.digest or "0" * 64)
    if isinstance(engine, Writer):
        text = recipe if isinstance(recipe, TextRecipe) else TextRecipe(base=use, prompt="Hello")
        text = text.model_copy(update={"max_new_tokens": _TOKENS, "temperature": 0.0})
        return lambda: _write(engine, text, heard), setting | {"tokens": _TOKENS}
    if not isinstance(recipe, ImageRecipe):
        recipe = ImageRecipe(base=use, prompt="a picture", steps=4, width=64, height=64)
    image = recipe
    setting |= {"steps": image.steps, "width": image.width, "height": image.height}
    return lambda: engine.paint([image], heard), setting


def _write(writer: Writer, recipe: TextRecipe, heard: OnPart) -> object:
    # All tokens, however soon it would like to end, so that times can be compared.
    return writer.write([recipe], None, heard, compare=False, least=_TOKENS)


class _Rounds:
    """How far it is: the base alone, the adapter beside the weights, folded into them."""

    def __init__(self, on_part: OnPart) -> None:
        self._on_part = on_part
        self._round = 0

    def told(self, share: float) -> None:
        self._on_part((self._round + share) / 3)

    def next(self) -> None:
        self._round += 1


def _typical(
    work: Callable[[], object], runs: int | None = None, *, first: bool = False
) -> tuple[float, int]:
    """The median of some runs, and how many there were: one where a run takes long."""
    times = [_ms(work)]
    runs = runs or (1 if times[0] > _LONG_MS else _RUNS)
    if first and runs > 1:
        times.clear()  # the first run of a process is slower than all others
    times += [_ms(work) for _ in range(runs - len(times))]
    return median(times), runs


def _ms(work: Callable[[], object]) -> float:
    devices.synchronise()
    began = time.perf_counter()
    work()
    devices.synchronise()
    return (time.perf_counter() - began) * 1000
