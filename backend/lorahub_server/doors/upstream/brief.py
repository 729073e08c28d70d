"""A small memory of what another machine said, each thing for a short while."""

import time
from collections import OrderedDict
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Brief(Generic[Value]):
    """Holds so many values at most; the oldest go first. For one thread."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[str, tuple[float, Value]] = OrderedDict()

    def get(self, key: str) -> Value | None:
        ends, value = self._values.get(key, (0.0, None))
        return value if ends > time.monotonic() else None

    def put(self, key: str, value: Value, seconds: float) -> None:
        self._values.pop(key, None)
        self._values[key] = (time.monotonic() + seconds, value)
        while len(self._values) > self._most:
            self._values.popitem(last=False)
