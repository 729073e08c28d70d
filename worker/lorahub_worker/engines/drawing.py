"""Recipes of pictures done: batches that fit into memory, and a second try for broken ones."""

import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lorahub_server.insight.previews.recipe import ImageRecipe, of_base, recipe_id
from lorahub_worker.engines import devices, png, schedulers
from lorahub_worker.engines.adapters import Weights
from lorahub_worker.engines.grouping import Wish, pictures_together
from lorahub_worker.engines.images import OnPart, Painter
from lorahub_worker.engines.spec import AdapterFile, Rendered, RenderError
from lorahub_worker.engines.telling import Telling
from lorahub_worker.engines.warm import Shelf

_FLAT = 1 / 255
_KEPT_BASES = 64
_PIXELS_AT_ONCE = 4 * 512 * 512


@dataclass(slots=True)
class _Drawn:
    numbers: Any  # float, (height, width, 3); not finite or all alike where it went wrong
    seconds: float
    batch: int
    widened: bool = False

    @property
    def broken(self) -> bool:
        import numpy as np

        return not np.isfinite(self.numbers).all() or float(self.numbers.std()) < _FLAT


class Drawing:
    """`batch`: the most pictures in one call. None: one on the CPU, where a call of several gives
    pictures that differ in a last bit here and there, and a recipe must give the same each time.
    """

    def __init__(self, shelf: Shelf, batch: int | None) -> None:
        self._shelf = shelf
        self._batch = batch
        self._most: dict[tuple[str, int], int] = {}
        self._bases: OrderedDict[str, Any] = OrderedDict()

    def groups(self, painter: Painter, wanted: Sequence[Wish]) -> Iterator[list[Wish]]:
        for run in pictures_together(wanted):
            left = list(run)
            while left:
                most = self._limit(painter, _image(left[0]))
                yield left[:most]
                left = left[most:]

    def draw(
        self,
        painter: Painter,
        together: Sequence[Wish],
        weights: Mapping[str, Weights],
        files: Mapping[str, AdapterFile],
        told: Telling,
    ) -> list[Rendered]:
        """Draw recipes that `groups` put together. Raises RenderError."""
        began = time.perf_counter()
        acting = [(weights[sha256], strength) for sha256, strength in together[0].adapters]
        put = painter.slots.use(acting)
        devices.synchronise()
        swap_ms = (time.perf_counter() - began) * 1000
        drawn = self._drawn(painter, together, told)
        made = []
        for wish, one in zip(together, drawn, strict=True):
            facts = self._facts(painter, one, wish)
            if put:
                facts["swap_ms"] = round(swap_ms, 1)
            made.append(Rendered(wish.id, self._picture(painter, one, wish, files), None, facts))
        return made

    def _drawn(self, painter: Painter, together: Sequence[Wish], told: Telling) -> list[_Drawn]:
        found = self._attempt(painter, together, told.begin(together))
        if found is not None:
            told.finish(together)
            return [
                self._sound(painter, wish, one) for wish, one in zip(together, found, strict=True)
            ]
        devices.free_unused()
        recipe = _image(together[0])
        if len(together) > 1:
            half = len(together) // 2
            self._most[painter.spec.id, _pixels(recipe)] = half
            return [
                *self._drawn(painter, together[:half], told),
                *self._drawn(painter, together[half:], told),
            ]
        if self._shelf.drop_others(painter.spec):
            return self._drawn(painter, together, told)
        raise _too_large(together[0])

    def _attempt(
        self, painter: Painter, together: Sequence[Wish], on_part: OnPart
    ) -> list[_Drawn] | None:
        """None: there was not enough memory. By then nothing of the attempt is held."""
        began = time.perf_counter()
        try:
            numbers = painter.paint([_image(wish) for wish in together], on_part)
        except (MemoryError, RuntimeError) as error:
            if not devices.is_out_of_memory(error):
                raise
            return None
        seconds = (time.perf_counter() - began) / len(together)
        return [_Drawn(each, seconds, len(together)) for each in numbers]

    def _sound(self, painter: Painter, wish: Wish, drawn: _Drawn) -> _Drawn:
        """The same, or drawn again in full precision where half of it overflowed."""
        import numpy as np
        import torch

        if drawn.broken and painter.dtype != torch.float32:
            with painter.wide():
                again = self._attempt(painter, [wish], lambda _share: None)
            if again is None:
                raise _too_large(wish)
            drawn = replace(again[0], widened=True)
        if not np.isfinite(drawn.numbers).all():
            raise RenderError(
                "not_finite",
                "The picture came out as no numbers, in full precision too. The adapter may be "
                "damaged, or far too strong.",
                [wish.id],
            )
        return drawn

    def _picture(
        self, painter: Painter, drawn: _Drawn, wish: Wish, files: Mapping[str, AdapterFile]
    ) -> Any:
        from PIL import Image

        picture = Image.fromarray(_bytes(drawn.numbers))
        names = {sha256: file.name for sha256, file in files.items()}
        sampler = _sampler(painter, wish)
        picture.info.update(png.texts(_image(wish), painter.spec, names, sampler))
        return picture

    def _facts(self, painter: Painter, drawn: _Drawn, wish: Wish) -> dict[str, Any]:
        import torch

        pixels = _bytes(drawn.numbers)
        alone = recipe_id(of_base(wish.recipe))
        effect = None
        if not wish.adapters:
            self._bases[alone] = pixels
            if len(self._bases) > _KEPT_BASES:
                self._bases.popitem(last=False)
        elif alone in self._bases:
            far = abs(pixels.astype("f4") - self._bases[alone].astype("f4"))
            effect = round(float(far.mean()) / 255, 6)
        facts: dict[str, Any] = {
            "base_digest": painter.spec.digest,
            "device": devices.label(),
            "dtype": "float32" if drawn.widened else str(painter.dtype).removeprefix("torch."),
            "sampler": _sampler(painter, wish),
            "threads": torch.get_num_threads(),
            "libraries": devices.libraries(),
            "seconds": round(drawn.seconds, 3),
            "batch": drawn.batch,
            "effect": effect,
        }
        return facts | ({"retried": "float32"} if drawn.widened else {})

    def _limit(self, painter: Painter, recipe: ImageRecipe) -> int:
        known = self._most.get((painter.spec.id, _pixels(recipe)))
        if self._batch is not None:
            return min(self._batch, known or self._batch)
        if painter.device == "cpu":
            return 1
        return known or max(1, min(8, _PIXELS_AT_ONCE // _pixels(recipe)))


def _too_large(wish: Wish) -> RenderError:
    recipe = _image(wish)
    return RenderError(
        "out_of_memory",
        f"One picture of {recipe.width} x {recipe.height} does not fit into the worker's memory. "
        "Ask for a smaller one.",
        [wish.id],
    )


def _image(wish: Wish) -> ImageRecipe:
    assert isinstance(wish.recipe, ImageRecipe)
    return wish.recipe


def _sampler(painter: Painter, wish: Wish) -> str:
    return schedulers.label(_image(wish).scheduler, painter.scheduler_class)


def _pixels(recipe: ImageRecipe) -> int:
    return recipe.width * recipe.height


def _bytes(numbers: Any) -> Any:
    return (numbers.clip(0, 1) * 255).round().astype("uint8")
