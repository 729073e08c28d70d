"""Steps of a training: counted, told to a log, kept from time to time, gone on with."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch


class Progress:
    """Iterates over the steps that are left. What `resume` was given is saved every while."""

    def __init__(self, name: str, steps: int, folder: Path, *, every: int = 200) -> None:
        self.name, self.steps, self._every = name, steps, every
        self._file = folder / f"{name}.pt"
        self._log = folder / "training.log"
        self._parts: dict[str, Any] = {}
        self._step, self._spent, self._sums, self._count = 0, 0.0, {}, 0
        self.finished = False

    def resume(self, **parts: Any) -> None:
        self._parts = parts
        if not self._file.exists():
            return
        kept = torch.load(self._file, weights_only=True)
        self._step, self._spent = kept.pop("step"), kept.pop("spent")
        for name, state in kept.items():
            parts[name].load_state_dict(state)

    def __iter__(self) -> Iterator[int]:
        last = time.process_time()
        while self._step < self.steps:
            yield self._step
            self._step += 1
            moment = time.process_time()
            self._spent, last = self._spent + moment - last, moment
            if self._step % self._every == 0 or self._step == self.steps:
                self._keep()
        self.finished = True

    def tell(self, **values: float) -> None:
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1

    def _keep(self) -> None:
        said = " ".join(f"{name} {value / self._count:.4f}" for name, value in self._sums.items())
        with self._log.open("a") as log:
            log.write(
                f"{self.name} {self._step}/{self.steps}: {said}, {self._spent:.0f} s of CPU\n"
            )
        self._sums, self._count = {}, 0
        states = {name: part.state_dict() for name, part in self._parts.items()}
        partial = self._file.with_suffix(".part")
        torch.save({"step": self._step, "spent": self._spent, **states}, partial)
        partial.replace(self._file)
