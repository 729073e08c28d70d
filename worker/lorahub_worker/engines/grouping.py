"""What is done together: recipes with the same adapters and settings, the base alone first."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lorahub_server.insight.previews.recipe import ImageRecipe, TextRecipe, recipe_id
from lorahub_worker.engines.spec import AnyRecipe


@dataclass(frozen=True, slots=True)
class Wish:
    """A recipe with its name."""

    id: str
    recipe: AnyRecipe

    @property
    def adapters(self) -> tuple[tuple[str, float], ...]:
        return tuple((use.sha256, use.strength) for use in self.recipe.adapters)

    @property
    def steps(self) -> int:
        recipe = self.recipe
        return recipe.steps if isinstance(recipe, ImageRecipe) else recipe.max_new_tokens


def wishes(recipes: Sequence[AnyRecipe]) -> list[Wish]:
    """Each recipe once, in the order of the fewest switches."""
    found = {(made := recipe_id(recipe)): Wish(made, recipe) for recipe in recipes}
    return sorted(found.values(), key=_order)


def pictures_together(wanted: Sequence[Wish]) -> Iterator[list[Wish]]:
    """Runs that one call of a pipeline can draw: they differ in prompt, negative and seed."""
    yield from _runs(wanted, lambda wish: (*_order(wish)[:4], _image_setting(wish.recipe)))


def texts_together(wanted: Sequence[Wish], *, mixed: bool, most: int) -> Iterator[list[Wish]]:
    """Runs that one call can complete. `mixed`: rows may have an adapter of their own each."""
    if not mixed:
        yield from ([wish] for wish in wanted)
        return
    by_prompt: dict[object, list[Wish]] = {}
    for wish in wanted:
        single = len(wish.adapters) > 1 or _is_sampled(wish.recipe)
        key = (wish.id,) if single else (wish.recipe.prompt, wish.steps)
        by_prompt.setdefault(key, []).append(wish)
    for together in by_prompt.values():
        run: list[Wish] = []
        for wish in together:
            # A layer has one strength for each slot, and there are as many slots as `most`.
            used = {sha256 for one in run for sha256, _ in one.adapters}
            new = {sha256 for sha256, _ in wish.adapters}
            if run and (new & used or len(new | used) > most):
                yield run
                run = []
            run.append(wish)
        yield run


def _order(wish: Wish) -> tuple[int, tuple[str, ...], tuple[float, ...], str, str]:
    shas = tuple(sha256 for sha256, _ in wish.adapters)
    configs = ",".join(repr(use.config) for use in wish.recipe.adapters)
    return len(shas), shas, tuple(s for _, s in wish.adapters), configs, wish.id


def _image_setting(recipe: AnyRecipe) -> object:
    together = {"prompt": "", "negative": "", "seed": 0, "adapters": ()}
    return recipe.model_copy(update=together)


def _is_sampled(recipe: AnyRecipe) -> bool:
    return isinstance(recipe, TextRecipe) and recipe.temperature > 0


def _runs(wanted: Sequence[Wish], key: Callable[[Wish], object]) -> Iterator[list[Wish]]:
    found: dict[object, list[Wish]] = {}
    for wish in wanted:
        found.setdefault(key(wish), []).append(wish)
    yield from found.values()
