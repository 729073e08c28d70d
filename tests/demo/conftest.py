"""The demo's own scripts, and adapters like those that it ships."""

import os
import sys
from pathlib import Path

import pytest

from support import tiny_base

DEMO = Path(__file__).parents[2] / "demo"
sys.path.insert(0, str(DEMO))
RANKS = {"star": 8, "heart": 16, "neon": 8, "sunset": 4}


@pytest.fixture(scope="session")
def base(shared_dir: Path) -> Path:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    return tiny_base.image_base(shared_dir)


@pytest.fixture(scope="session")
def trained(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like demo/adapters, with weights by chance."""
    folder = tmp_path_factory.mktemp("trained")
    for seed, (name, rank) in enumerate(RANKS.items(), start=1):
        file = folder / name / "pytorch_lora_weights.safetensors"
        tiny_base.adapter(base, file, seed=seed, rank=rank)
    return folder
