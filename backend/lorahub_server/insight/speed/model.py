"""Speeds as pages and the API show them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Figures:
    """What an adapter costs on one device with one base; times in ms, memory in bytes.

    `base_title` is what people call the base; one that is gone keeps its id.
    """

    base_id: str
    base_title: str
    device: str
    load_ms: float
    swap_ms: float
    base_ms: float
    unfused_ms: float
    fused_ms: float | None
    memory: int
    setting: dict[str, Any]
    measured_at: datetime

    @property
    def slowdown(self) -> float:
        """How much longer a picture takes with the adapter beside the weights: 0.2 is a fifth."""
        return self.unfused_ms / self.base_ms - 1 if self.base_ms else 0.0


@dataclass(frozen=True, slots=True)
class Typical:
    """The medians of adapters with one base on one device, to hold one against."""

    base_id: str
    device: str
    adapters: int
    load_ms: float
    swap_ms: float
    unfused_ms: float
    memory: float


@dataclass(frozen=True, slots=True)
class Costs:
    """Each base and device that a file was measured with, and the medians of its family.

    Those are over the adapters that were measured last, and name none of them.
    """

    own: list[Figures]
    typical: list[Typical]
