from collections.abc import Callable

import pytest

from support.asgi import Site
from support.inside import adapter
from support.person import Person

CARD = """---
license: cc-by-4.0
tags: [style, {name}]
trigger_words: [glasspaint]
---
# The {name}

Paints with light.
"""


@pytest.fixture
def weights() -> bytes:
    """A sound adapter."""
    return adapter(1)


@pytest.fixture
def person(site: Site) -> Person:
    """Somebody who is not signed in."""
    return Person(site)


@pytest.fixture
def maren(site: Site) -> Person:
    return Person(site).sign_up("maren")


@pytest.fixture
def publish(site: Site, weights: bytes) -> Callable[..., None]:
    """Publish an adapter with a card, as a token of its owner would."""

    def do(
        repo: str,
        card: str | None = None,
        *,
        private: bool = False,
        seed: int = 1,
        **files: bytes,
    ) -> None:
        owner, name = repo.split("/")
        text = CARD.format(name=name) if card is None else card
        with_card = {"README.md": text.encode()} if text else {}
        more = {path.replace("__", "/").replace("_dot_", "."): data for path, data in files.items()}
        own = weights if seed == 1 else adapter(seed)
        content = {f"{name}.safetensors": own, **with_card, **more}
        site.token_of(owner, "read", "write").publish(repo, content, private=private)

    return do
