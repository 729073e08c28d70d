"""A studio for the tests of a module, tiny bases, and recipes for them."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from lorahub_server.insight.previews.recipe import ImageRecipe, TextRecipe
from lorahub_worker.engines.spec import AdapterFile, BaseSpec, Rendered
from lorahub_worker.engines.studio import Studio
from support import tiny_base

DIGEST = "d" * 64
QUICK = tiny_base.QUICK | {"steps": 2}


class Atelier:
    """A studio with the tiny bases, and few words for what tests ask of it."""

    def __init__(self, shared: Path) -> None:
        self.studio = Studio()
        self.image = BaseSpec(
            "tiny", "image", tiny_base.FAMILY, tiny_base.image_base(shared), digest=DIGEST,
            title="Tiny shapes",
        )  # fmt: skip
        self.text = BaseSpec(
            "words", "text", tiny_base.TEXT_FAMILY, tiny_base.text_base(shared), digest=DIGEST
        )
        self.files: dict[str, AdapterFile] = {}

    def add(self, path: Path, **config: Any) -> str:
        """Make a file known; what lies beside it as adapter_config.json is its configuration."""
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        beside = path.with_name("adapter_config.json")
        if beside.is_file():
            config = json.loads(beside.read_bytes()) | config
        self.files[sha256] = AdapterFile(sha256, path, config or None, name=path.stem)
        return sha256

    def adapter(self, path: Path, **options: Any) -> str:
        return self.add(tiny_base.adapter(self.image.path, path, **options))

    def draw(self, *adapters: tuple[str, float] | str, **options: Any) -> Rendered:
        return self.draw_all([self.recipe(*adapters, **options)])[0]

    def draw_all(self, recipes: list[Any], **options: Any) -> list[Rendered]:
        spec = self.image if recipes[0].task == "image" else self.text
        made = {
            one.recipe_id: one for one in self.studio.render(spec, recipes, self.files, **options)
        }
        return list(made.values())

    def recipe(self, *adapters: tuple[str, float] | str, **options: Any) -> ImageRecipe:
        wanted = {"prompt": "a red circle on a blue background"} | QUICK | options
        return ImageRecipe(base=_BASE, adapters=_uses(adapters), **wanted)

    def text_recipe(self, *adapters: tuple[str, float] | str, **options: Any) -> TextRecipe:
        wanted = {"prompt": "Name a colour.", "max_new_tokens": 10} | options
        return TextRecipe(
            base={"id": "words", "digest": DIGEST}, adapters=_uses(adapters), **wanted
        )

    def write(self, *adapters: tuple[str, float] | str, **options: Any) -> str:
        return self.draw_all([self.text_recipe(*adapters, **options)])[0].text or ""

    def pixels(self, *adapters: tuple[str, float] | str, **options: Any) -> bytes:
        picture = self.draw(*adapters, **options).picture
        assert picture is not None
        return picture.tobytes()


_BASE = {"id": "tiny", "digest": DIGEST}


def _uses(adapters: tuple[Any, ...]) -> list[dict[str, Any]]:
    pairs = [(one, 1.0) if isinstance(one, str) else one for one in adapters]
    return [{"sha256": sha256, "strength": strength} for sha256, strength in pairs]


@pytest.fixture(scope="module")
def atelier(shared_dir: Path) -> Any:
    made = Atelier(shared_dir)
    yield made
    made.studio.close()


@pytest.fixture
def fresh(shared_dir: Path) -> Any:
    """Another one, that has loaded nothing yet."""
    made = Atelier(shared_dir)
    yield made
    made.studio.close()
