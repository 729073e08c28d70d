"""What the demo base is trained on: pictures and their captions, the same for a seed."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "demo" / "training"))
from pictures import COLOURS, KEPT_BACK, PATTERNS, SHAPES, SIZES, STYLES, Scene, any_scene, draw


def test_a_seed_is_a_picture():
    one, same, other = (
        draw(any_scene(chance), chance) for chance in map(np.random.default_rng, (1, 1, 2))
    )
    assert one.shape == (128, 128, 3)
    assert 0 <= one.min() <= one.max() <= 1
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("shape", [*SHAPES, *KEPT_BACK])
@pytest.mark.parametrize("size", list(SIZES))
def test_a_shape_covers_its_part(shape, size):
    scene = Scene(shape, "red", "blue", size)
    picture = draw(scene, np.random.default_rng(3), size=64)
    reddish = (picture[..., 0] > picture[..., 2]).mean()
    wide = 2 * SIZES[size]
    assert 0.25 * wide**2 < reddish < 1.05 * wide**2
    assert scene.caption == " ".join(f"a {size} red {shape} on a blue background".split())


@pytest.mark.parametrize("pattern", [p for p in PATTERNS if p])
def test_patterns_have_two_colours(pattern):
    chance = np.random.default_rng(3)
    patterned = draw(Scene("square", "red", "blue", "large", pattern), chance)
    plain = draw(Scene("square", "red", "blue", "large"), np.random.default_rng(3))
    spread = [picture[40:90, 40:90].std(axis=(0, 1)).max() for picture in (patterned, plain)]
    assert spread[0] > 3 * spread[1]


def test_styles_are_what_they_are_called():
    neon = draw(Scene("star", "pink", "white", style="neon"), np.random.default_rng(1))
    assert np.median(neon) < 0.25
    sunset = draw(Scene("circle", "white", "blue", style="sunset"), np.random.default_rng(1))
    assert sunset[0, 0, 2] > sunset[0, 0, 0]
    assert sunset[-1, 0, 0] > sunset[-1, 0, 2]


def test_the_base_never_sees_what_adapters_teach():
    chance = np.random.default_rng(5)
    scenes = [any_scene(chance) for _ in range(500)]
    assert {scene.shape for scene in scenes} == set(SHAPES)
    assert not {scene.style for scene in scenes} & set(STYLES)
    assert {scene.colour for scene in scenes} == set(COLOURS)
    assert all(scene.colour != scene.ground for scene in scenes)


def test_each_word_is_one_token():
    from text import LENGTH, WORDS, make_tokenizer

    tokenizer = make_tokenizer()
    for word in WORDS:
        assert len(tokenizer.tokenize(word)) == 1, word
    scene = Scene("star", "yellow", "purple", "small", "checkered", "neon")
    assert len(tokenizer(scene.caption).input_ids) <= LENGTH
    assert tokenizer.tokenize("wobble")
