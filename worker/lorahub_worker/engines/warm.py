"""Bases kept in memory, the longest unused leaving first when there is not enough."""

from collections import OrderedDict
from typing import Protocol

from lorahub_worker.engines import devices, loading
from lorahub_worker.engines.images import Painter
from lorahub_worker.engines.spec import BaseRefused, BaseSpec
from lorahub_worker.engines.text import Writer

Engine = Painter | Writer


class Maker(Protocol):
    def __call__(self, spec: BaseSpec) -> Engine: ...


def make_engine(spec: BaseSpec) -> Engine:
    return Painter(spec) if spec.task == "image" else Writer(spec)


class Shelf:
    """Engines by their base, within `limit` bytes together (None: by what the device has)."""

    def __init__(self, limit: int | None = None, make: Maker = make_engine) -> None:
        self._limit = limit
        self._make = make
        self._kept: OrderedDict[BaseSpec, Engine] = OrderedDict()

    def get(self, spec: BaseSpec) -> Engine:
        """The engine of a base, loaded if it is not there. Raises BaseRefused."""
        found = self._kept.pop(spec, None)
        if found is None:
            for old in [kept for kept in self._kept if kept.id == spec.id]:
                self.drop(old)
            self._make_room(loading.size_on_disk(spec))
            found = self._loaded(spec)
            self._make_room(found.size)
        self._kept[spec] = found
        return found

    def ids(self) -> frozenset[str]:
        return frozenset(spec.id for spec in self._kept)

    def drop(self, spec: BaseSpec) -> None:
        if self._kept.pop(spec, None) is not None:
            devices.free_unused()

    def drop_others(self, spec: BaseSpec) -> bool:
        """Let go of all but this one; say whether there were any."""
        others = [other for other in self._kept if other != spec]
        for other in others:
            self.drop(other)
        return bool(others)

    def close(self) -> None:
        self._kept.clear()
        devices.free_unused()

    def _loaded(self, spec: BaseSpec) -> Engine:
        try:
            return self._make(spec)
        except Exception as error:
            if not devices.is_out_of_memory(error):
                raise
        # Outside of the handler, so that nothing of the failed attempt is held any longer.
        self.close()
        try:
            return self._make(spec)
        except Exception as error:
            if not devices.is_out_of_memory(error):
                raise
            raise BaseRefused(
                "base_too_large", f"{spec.title or spec.id} does not fit into the worker's memory."
            ) from error

    def _make_room(self, size: int) -> None:
        if self._limit is None:
            self._limit = devices.memory_limit()
        while self._kept and size + sum(e.size for e in self._kept.values()) > self._limit:
            self.drop(next(iter(self._kept)))
