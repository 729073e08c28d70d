"""What the demo publishes: one adapter in each of the layouts that people meet, and what is made
of them.
"""

from dataclasses import dataclass

BASE_ID = "shapes"
# What the base was made for; as options of `lorahub-server bases add`.
BASE_OPTIONS = {
    "title": "Shapes, the demo base",
    "family": "shapes",
    "steps": "20",
    "guidance": "3.5",
    "guidance-rescale": "0.5",
    "width": "128",
    "height": "128",
    "license": "apache-2.0",
}


@dataclass(frozen=True)
class Item:
    """A repository. `sources` are folders of `adapters`, with their weights where several are
    merged; without a `rank` it stays what it was. The card is `cards/<name>.md`.
    """

    repo: str
    layout: str
    file: str
    sources: tuple[tuple[str, float], ...]
    rank: int | None = None

    @property
    def owner(self) -> str:
        return self.repo.partition("/")[0]

    @property
    def name(self) -> str:
        return self.repo.partition("/")[2]


def _one(source: str) -> tuple[tuple[str, float], ...]:
    return ((source, 1.0),)


ITEMS = (
    Item("demo/star", "diffusers", "pytorch_lora_weights.safetensors", _one("star")),
    Item("demo/heart", "kohya", "heart.safetensors", _one("heart")),
    Item("demo/neon", "peft", "adapter_model.safetensors", _one("neon")),
    Item("demo/sunset", "diffusers", "pytorch_lora_weights.safetensors", _one("sunset")),
    Item("remix/star-small", "kohya", "star-small.safetensors", _one("star"), rank=2),
    Item("remix/neon-stars", "kohya", "neon-stars.safetensors", (("star", 1.0), ("neon", 0.9))),
)
OWNERS = tuple(dict.fromkeys(item.owner for item in ITEMS))
# Who stars what, so that lists have an order.
STARS = {"demo": ("remix/neon-stars",), "remix": ("demo/star", "demo/neon", "demo/sunset")}
