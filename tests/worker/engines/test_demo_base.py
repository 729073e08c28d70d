"""The base that is shipped, half-precision files and all: as the tiny one, but it draws shapes."""

from dataclasses import replace

import numpy as np
import pytest

from support.source import ROOT

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")
# It is trained by demo/training; a clone without it tests the tiny one alone.
BASES = [folder for folder in [ROOT / "demo" / "base"] if folder.is_dir()]


@pytest.mark.parametrize("base", BASES)
def test_it_draws_the_same_in_every_layout_and_is_left_as_it_was(atelier, tmp_path, base):
    atelier.image = replace(atelier.image, id="demo", path=base)
    options = {
        "width": 128, "height": 128, "steps": 8, "guidance": 3.5, "guidance_rescale": 0.5,
        "prompt": "a large red circle on a white background",
    }  # fmt: skip
    before = np.asarray(atelier.draw(**options).picture).astype(int)
    # Red in the middle, white in the corners.
    assert (before[56:72, 56:72, 0] - before[56:72, 56:72, 2]).mean() > 80
    assert np.median(before[:8, :8]) > 180
    shas = [
        atelier.adapter(tmp_path / "a.safetensors", layout="kohya", strength=0.3, alpha=2.0),
        atelier.adapter(tmp_path / "b.safetensors", layout="diffusers", strength=0.3),
        atelier.adapter(tmp_path / "c", layout="peft", strength=0.3),
    ]
    drawn = [np.asarray(atelier.draw(sha, **options).picture) for sha in shas]
    assert all((each == drawn[0]).all() for each in drawn)
    assert np.abs(drawn[0].astype(int) - before).mean() > 2
    assert (np.asarray(atelier.draw(**options).picture) == before).all()
