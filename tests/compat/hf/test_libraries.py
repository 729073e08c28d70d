"""diffusers, PEFT and transformers take an adapter by its name, and put one there."""

import sys
from pathlib import Path

import pytest

from support import hf
from support.hf_clients import Client

# The main job and the README are run with the same libraries in every run.
pytestmark = pytest.mark.slow


@pytest.fixture
def client(crowd, alice, tmp_path) -> Client:
    """The project's own environment, which has all libraries."""
    home = tmp_path / "machine"
    home.mkdir()
    return Client(Path(sys.executable), home, crowd.endpoint, alice.token, {})


def publish(alice, name: str, folder: Path) -> None:
    hf.create(alice, name.split("/")[1]).expect(200)
    lines = []
    for path in sorted(folder.iterdir()):
        if path.suffix == ".safetensors":
            lines.append(hf.large(path.name, hf.send(alice, name, path.read_bytes())))
        else:
            lines.append(hf.add(path.name, path.read_bytes()))
    hf.commit(alice, name, *lines).expect(200)


@pytest.mark.parametrize("kind", ["unet", pytest.param("both", marks=pytest.mark.slow)])
def test_diffusers(client, alice, adapters, name, kind):
    folder = getattr(adapters, kind)
    publish(alice, name, folder)
    client.run("libraries", "diffusers", name, folder)


def test_diffusers_publishes(client, adapters, name, crowd):
    client.run("libraries", "diffusers-push", name, adapters.unet)
    assert crowd.anonymous.get(f"repos/{name}").expect(200).json()["family"] == "sd1"


def test_peft(client, alice, adapters, name):
    publish(alice, name, adapters.peft("gpt2"))
    client.run("libraries", "peft", name, adapters.peft("gpt2"))


def test_transformers(client, alice, adapters, name):
    publish(alice, name, adapters.peft("gpt2"))
    client.run("libraries", "transformers", name, adapters.peft("gpt2"))
