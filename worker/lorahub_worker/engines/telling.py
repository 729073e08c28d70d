"""How far the work is, in steps over all recipes; it never goes back."""

from collections.abc import Callable, Sequence

from lorahub_worker.engines.grouping import Wish


class Telling:
    """Made for one call of a studio. `on_step(done, all)` may raise to end the work."""

    def __init__(self, on_step: Callable[[int, int], None], wanted: Sequence[Wish]) -> None:
        self._on_step = on_step
        self._all = sum(wish.steps for wish in wanted)
        self._done = 0
        self._told = -1

    def begin(self, together: Sequence[Wish]) -> Callable[[float], None]:
        """What hears how much of these recipes is done, from 0 to 1."""
        steps = sum(wish.steps for wish in together)

        def on_part(share: float) -> None:
            self._tell(self._done + int(share * steps))

        return on_part

    def finish(self, together: Sequence[Wish]) -> None:
        """These recipes are done, with however many steps they took."""
        self._done += sum(wish.steps for wish in together)
        self._tell(self._done)

    def _tell(self, done: int) -> None:
        # Every step is told, as the caller may want to end the work; none counts twice.
        self._told = max(self._told, done)
        self._on_step(self._told, self._all)
