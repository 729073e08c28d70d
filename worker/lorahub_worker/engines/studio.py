"""The door of the engines: recipes in, pictures and texts out, with bases kept warm between."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from lorahub_worker.engines import adapters, devices
from lorahub_worker.engines.drawing import Drawing
from lorahub_worker.engines.grouping import Wish, wishes
from lorahub_worker.engines.spec import (
    AdapterFile,
    AdapterRefused,
    AnyRecipe,
    BaseSpec,
    RecipeRefused,
    Rendered,
    RenderError,
    SpeedFigures,
)
from lorahub_worker.engines.telling import Telling
from lorahub_worker.engines.text import Writer
from lorahub_worker.engines.warm import Engine, Shelf
from lorahub_worker.engines.writing import Writing

OnStep = Callable[[int, int], None]


class Studio:
    """One for each process; not for several threads at once.

    `memory`: bytes that warm bases may take together (None: 60 % of what the device has).
    `batch`: the most pictures in one call (None: by device).
    """

    def __init__(self, *, memory: int | None = None, batch: int | None = None) -> None:
        self.shelf = Shelf(memory)
        self.cache = adapters.Cache()
        self._drawing = Drawing(self.shelf, batch)
        self._writing = Writing()
        self._settled = False

    def prepare(self) -> None:
        """Choose repeatable ways to compute, once; the first work does it by itself."""
        if not self._settled:
            devices.settle()
            self._settled = True

    def render(
        self,
        spec: BaseSpec,
        recipes: Sequence[AnyRecipe],
        files: Mapping[str, AdapterFile],
        *,
        on_step: OnStep = lambda _done, _all: None,
    ) -> Iterator[Rendered]:
        """Yield what comes of each recipe, as soon as it is there; in an order of its own.

        `on_step(done, all)` hears of every step and may raise to end it.
        Raises RenderError and its kinds; `error.recipes` are those that will never come, so the
        caller can note that and ask for the rest again.
        """
        wanted = wishes(recipes)
        self._check(spec, wanted, files)
        engine = self._engine(spec, wanted)
        told = Telling(on_step, wanted)
        for group in self._groups(engine, wanted):
            try:
                made = self._together(engine, group, files, told)
            except RenderError:
                raise
            except BaseException:
                self._recover(spec, engine)
                raise
            yield from made

    def warm(self) -> frozenset[str]:
        """The ids of the bases in memory."""
        return self.shelf.ids()

    def measure(
        self,
        spec: BaseSpec,
        file: AdapterFile,
        recipe: AnyRecipe | None = None,
        *,
        on_part: Callable[[float], None] = lambda _share: None,
    ) -> SpeedFigures:
        """What the adapter costs with this base, at the recipe's setting or a small one."""
        from lorahub_worker.engines.measure import measure

        engine = self._engine(spec, [])
        try:
            return measure(engine, file, recipe, on_part)
        except RenderError:
            raise
        except BaseException:
            self._recover(spec, engine)
            raise

    def close(self) -> None:
        """Let go of all bases."""
        self.shelf.close()
        self.cache.clear()

    def _engine(self, spec: BaseSpec, wanted: Sequence[Wish]) -> Engine:
        self.prepare()
        try:
            return self.shelf.get(spec)
        except RenderError as error:
            error.recipes = tuple(wish.id for wish in wanted)
            raise

    def _check(
        self, spec: BaseSpec, wanted: Sequence[Wish], files: Mapping[str, AdapterFile]
    ) -> None:
        other = [wish.id for wish in wanted if wish.recipe.task != spec.task]
        if other:
            raise RecipeRefused(
                "wrong_task", f"{spec.title or spec.id} is a base for {spec.task}s.", other
            )
        for wish in wanted:
            for sha256, _ in wish.adapters:
                if sha256 not in files:
                    raise RecipeRefused(
                        "adapter_missing", f"The adapter {sha256} is not here.", [wish.id]
                    )

    def _groups(self, engine: Engine, wanted: Sequence[Wish]) -> Iterator[list[Wish]]:
        if isinstance(engine, Writer):
            return self._writing.groups(engine, wanted)
        return self._drawing.groups(engine, wanted)

    def _together(
        self, engine: Engine, group: Sequence[Wish], files: Mapping[str, AdapterFile], told: Telling
    ) -> list[Rendered]:
        used = {sha256: files[sha256] for wish in group for sha256, _ in wish.adapters}
        try:
            weights = {
                sha256: self.cache.get(file, engine.spec.family) for sha256, file in used.items()
            }
            if isinstance(engine, Writer):
                return self._writing.write(engine, group, weights, told)
            return self._drawing.draw(engine, group, weights, files, told)
        except RenderError as error:
            if isinstance(error, AdapterRefused):
                error.recipes = tuple(w.id for w in group if error.sha256 in dict(w.adapters))
            error.recipes = error.recipes or tuple(wish.id for wish in group)
            raise
        except (MemoryError, RuntimeError) as error:
            if not devices.is_out_of_memory(error):
                raise
            engine.slots.unload()
            self.shelf.drop_others(engine.spec)
            raise RenderError(
                "out_of_memory",
                "The base and its adapters do not fit into the worker's memory together.",
                [wish.id for wish in group],
            ) from error

    def _recover(self, spec: BaseSpec, engine: Engine) -> None:
        """After whatever broke the work: the base goes on only if its weights are unchanged."""
        try:
            unharmed = engine.unharmed()
        except RuntimeError:  # a device that broke can't be asked
            unharmed = False
        if not unharmed:
            self.shelf.drop(spec)
