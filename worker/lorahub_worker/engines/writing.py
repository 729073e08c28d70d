"""Recipes of texts done: the base and its adapters in one batch where that changes nothing."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lorahub_server.insight.previews.recipe import TextRecipe
from lorahub_worker.engines import devices
from lorahub_worker.engines.adapters import Weights
from lorahub_worker.engines.grouping import Wish, texts_together
from lorahub_worker.engines.spec import Rendered, RenderError
from lorahub_worker.engines.telling import Telling
from lorahub_worker.engines.text import Writer, Written

_SLOTS = 3


class Writing:
    def groups(self, writer: Writer, wanted: Sequence[Wish]) -> Iterator[list[Wish]]:
        import torch

        # In half precision two words are often equally likely, and the company would decide.
        yield from texts_together(wanted, mixed=writer.dtype == torch.float32, most=_SLOTS)

    def write(
        self,
        writer: Writer,
        together: Sequence[Wish],
        weights: Mapping[str, Weights],
        told: Telling,
    ) -> list[Rendered]:
        """Write recipes that `groups` put together. Raises RenderError."""
        began = time.perf_counter()
        if len(together) > 1 and _is_plain(weights.values()):
            found = self._mixed(writer, together, weights, told)
        else:
            found = [self._single(writer, wish, weights, told) for wish in together]
        seconds = (time.perf_counter() - began) / len(together)
        return [
            Rendered(wish.id, None, written.text, _facts(writer, written, seconds, len(together)))
            for wish, written in zip(together, found, strict=True)
        ]

    def _mixed(
        self,
        writer: Writer,
        together: Sequence[Wish],
        weights: Mapping[str, Weights],
        told: Telling,
    ) -> list[Written]:
        acting = [(weights[sha], strength) for wish in together for sha, strength in wish.adapters]
        writer.slots.use(acting)
        slots = writer.slots.held()
        rows = [
            slots[weights[wish.adapters[0][0]].sha256] if wish.adapters else None
            for wish in together
        ]
        recipes = [_text(wish) for wish in together]
        found = writer.write(recipes, rows if acting else None, told.begin(together), compare=False)
        asked = writer.asked(recipes[0].prompt)
        for at, wish in enumerate(together):
            if wish.adapters:
                writer.slots.use([(weights[sha], strength) for sha, strength in wish.adapters])
                found[at] = writer.compared(found[at], asked)
        told.finish(together)
        return found

    def _single(
        self, writer: Writer, wish: Wish, weights: Mapping[str, Weights], told: Telling
    ) -> Written:
        writer.slots.use([(weights[sha], strength) for sha, strength in wish.adapters])
        try:
            found = writer.write([_text(wish)], None, told.begin([wish]))
        except (MemoryError, RuntimeError) as error:
            if not devices.is_out_of_memory(error):
                raise
            raise RenderError(
                "out_of_memory", "The text does not fit into the worker's memory.", [wish.id]
            ) from error
        told.finish([wish])
        return found[0]


def _is_plain(weights: Any) -> bool:
    """Whether PEFT can mix them in a batch: magnitudes and embeddings it can't."""
    return all(
        change.magnitude is None and not change.embedding
        for each in weights
        for _, _, change in each
    )


def _facts(writer: Writer, written: Written, seconds: float, batch: int) -> dict[str, Any]:
    import torch

    return {
        "base_digest": writer.spec.digest,
        "device": devices.label(),
        "dtype": str(writer.dtype).removeprefix("torch."),
        "threads": torch.get_num_threads(),
        "libraries": devices.libraries(),
        "seconds": round(seconds, 3),
        "batch": batch,
        "tokens": written.tokens,
        "effect": written.changed,
        "kl": written.kl,
    }


def _text(wish: Wish) -> TextRecipe:
    assert isinstance(wish.recipe, TextRecipe)
    return wish.recipe
