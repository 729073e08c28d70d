"""What a picture says about itself, and its small copy."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from lorahub_server.insight.previews.model import PictureFacts
from lorahub_server.insight.previews.recipe import ImageRecipe, read
from lorahub_worker.engines import png, small
from lorahub_worker.engines.classify import load_classifier
from lorahub_worker.engines.spec import BaseSpec

SPEC = BaseSpec("demo", "image", "shapes", __file__, digest="ab" * 32, title="Demo, shapes")
RECIPE = ImageRecipe(
    base={"id": "demo", "digest": "ab" * 32},
    adapters=[{"sha256": "c" * 64, "strength": 0.8}, {"sha256": "e" * 64, "strength": -1}],
    prompt="a star, glühend",
    negative="grey",
    seed=7,
    steps=12,
    guidance=3.5,
    guidance_rescale=0.5,
    scheduler="dpmpp_2m_karras",
    width=96,
    height=64,
)


def test_parameters_as_a1111_writes_them():
    told = png.parameters(RECIPE, SPEC, {"c" * 64: "my:star>"})
    assert told == (
        f"a star, glühend <lora:my_star_:0.8> <lora:{'e' * 12}:-1>\n"
        "Negative prompt: grey\n"
        "Steps: 12, Sampler: DPM++ 2M Karras, CFG scale: 3.5, Seed: 7, Size: 96x64, "
        "Model hash: ababababab, Model: Demo_ shapes, CFG Rescale: 0.5, "
        f'Lora hashes: "my_star_: {"c" * 12}, {"e" * 12}: {"e" * 12}", Version: LoRAHub'
    )


def test_the_file_holds_them_and_the_recipe_and_is_the_same_each_time():
    picture = Image.fromarray(np.arange(96 * 64 * 3, dtype="u1").reshape(64, 96, 3))
    picture.info.update(png.texts(RECIPE, SPEC, {}))
    data = png.encode(picture)
    assert data == png.encode(picture)
    with Image.open(io.BytesIO(data)) as opened:
        opened.load()
        assert opened.text["parameters"].startswith("a star, glühend <lora:")
        assert read(json.loads(opened.text["lorahub"])) == RECIPE
        assert png.pixels_sha256(opened) == png.pixels_sha256(picture)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1000, 500), {240: (240, 120), 480: (480, 240), 960: (960, 480)}),
        ((500, 700), {240: (240, 336), 480: (480, 672), 960: (500, 700)}),
        ((480, 480), {240: (240, 240), 480: (480, 480)}),
        ((90, 300), {480: (90, 300)}),
        ((100, 4000), {480: (36, 1440)}),
    ],
)
def test_small_copies(size, expected):
    picture = Image.new("RGB", size, "red")
    picture.info["parameters"] = "a secret"
    facts = PictureFacts("0" * 64, "image/png", 1, *size)
    found = {}
    for width, data in small.copies(picture).items():
        with Image.open(io.BytesIO(data)) as opened:
            assert opened.format == "WEBP"
            found[width] = opened.size
        assert b"secret" not in data
        # What pages say of a copy that they have not seen.
        assert facts.true_width(width) == found[width][0]
    assert found == expected


def test_a_classifier_is_asked_and_its_answer_checked(tmp_path, monkeypatch):
    (tmp_path / "asked_for_tests.py").write_text(
        "def good(picture): return {'label': 'safe', 'score': 0.1, 'maturity': 'none'}\n"
        "def odd(picture): return {'maturity': 'dreadful'}\n"
        "def broken(picture): raise RuntimeError('no model')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    picture = Image.new("RGB", (8, 8))
    assert load_classifier(None) is None
    good = load_classifier("asked_for_tests:good")
    assert good(picture) == {"label": "safe", "score": 0.1, "maturity": "none"}
    assert load_classifier("asked_for_tests:odd")(picture) is None
    assert load_classifier("asked_for_tests:broken")(picture) is None
    with pytest.raises(ValueError, match="module:function"):
        load_classifier("asked_for_tests")
