"""A small memory of what a process worked out lately, for things that never change."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Kept(Generic[Key, Value]):
    """Holds values up to a total weight; the least used go first. Nobody may change a value."""

    def __init__(self, most: int, weight: Callable[[Value], int]) -> None:
        self._most = most
        self._weight = weight
        self._total = 0
        self._values: OrderedDict[Key, Value] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> Value | None:
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key]

    def put(self, key: Key, value: Value) -> None:
        with self._lock:
            if key in self._values:
                return
            self._values[key] = value
            self._total += self._weight(value)
            while self._total > self._most:
                _, gone = self._values.popitem(last=False)
                self._total -= self._weight(gone)

    def clear(self) -> None:
        with self._lock:
            self._values.clear()
            self._total = 0
