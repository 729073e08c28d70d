"""The main job with real adapters: publish, verified on its page, pulled, loaded again."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import models, programs
from support.adapters import KOHYA_FILE, RANK
from support.client import Client
from support.server import Hub


@pytest.fixture(scope="module")
def hub(tmp_path_factory) -> Iterator[Hub]:
    hub = Hub(tmp_path_factory.mktemp("main-job") / "hub").start()
    yield hub
    hub.close()


@pytest.fixture(scope="module")
def token(hub) -> str:
    return str(hub.add_account("alice").token)


@pytest.fixture
def alice(hub, token, tmp_path) -> Client:
    return Client(hub.endpoint, token, tmp_path / "alice")


@pytest.fixture
def reader(hub, alice, tmp_path) -> Client:
    """Somebody on another machine without an account."""
    return Client(hub.endpoint, None, tmp_path / "reader")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def inspected(hub, repo: str) -> list[dict]:
    """Wait until all adapter files of `main` are inspected; return what was found."""

    def items() -> list[dict]:
        return hub.anonymous.get(f"repos/{repo}/inspections/main").expect(200).json()["items"]

    programs.wait(lambda: all(i["state"] in ("done", "failed") for i in items()), repo, 60)
    return items()


@pytest.mark.parametrize("base", ["gpt2", "llama", "roberta"])
def test_peft(hub, alice, reader, adapters, base, tmp_path):
    import torch
    from peft import PeftModel, get_peft_model_state_dict
    from safetensors.torch import load_file

    folder = adapters.peft(base)
    page = alice.ok("push", folder, f"alice/{base}").strip().splitlines()[-1]
    assert page == f"{hub.endpoint}/alice/{base}"
    (item,) = inspected(hub, f"alice/{base}")
    assert (item["state"], item["error"]) == ("done", None)
    assert (item["summary"]["layout"], item["summary"]["family"]) == ("peft", base)
    assert item["summary"]["rank"] == RANK
    assert item["hashes"]["SHA256"] == sha256(folder / "adapter_model.safetensors")
    assert item["health"]["zero_count"] == item["health"]["nan_count"] == 0

    reader.ok("pull", f"alice/{base}", "--to", tmp_path / "got")
    placed = tmp_path / "got"
    found = next(placed.rglob("adapter_config.json")).parent
    for name in ("adapter_model.safetensors", "adapter_config.json", "README.md"):
        assert (found / name).read_bytes() == (folder / name).read_bytes()
    model = PeftModel.from_pretrained(models.language_model(base), found)
    loaded = get_peft_model_state_dict(model)
    written = load_file(folder / "adapter_model.safetensors")
    assert loaded.keys() == written.keys()
    assert all(torch.equal(loaded[name], written[name]) for name in written)


@pytest.mark.parametrize("which", ["unet", "both"])
def test_diffusers(hub, alice, reader, adapters, which, tmp_path):
    folder = adapters.unet if which == "unet" else adapters.both
    alice.ok("push", folder, f"alice/{which}")
    (item,) = inspected(hub, f"alice/{which}")
    assert (item["state"], item["summary"]["family"]) == ("done", "sd1")
    (tmp_path / "models").mkdir()
    reader.ok("pull", f"alice/{which}", "--to", "diffusers", "--root", tmp_path / "models")
    (weights,) = (tmp_path / "models").rglob("pytorch_lora_weights.safetensors")
    assert sha256(weights) == sha256(folder / "pytorch_lora_weights.safetensors")
    assert loads_the_same(weights, folder / "pytorch_lora_weights.safetensors")


def test_kohya(hub, alice, reader, adapters, tmp_path):
    alice.ok("push", adapters.kohya, "alice/glass")
    (item,) = inspected(hub, "alice/glass")
    summary = item["summary"]
    assert (summary["layout"], summary["family"], summary["alpha"]) == ("kohya", "sd1", RANK)
    assert "glasspaint" in " ".join(summary["trigger_words"])
    for tool in ("comfyui", "a1111", "forge"):
        root = tmp_path / tool
        (root / "models" / ("loras" if tool == "comfyui" else "Lora")).mkdir(parents=True)
        reader.ok("pull", "alice/glass", "--to", tool, "--root", root)
        (weights,) = root.rglob("*.safetensors")
        assert sha256(weights) == sha256(adapters.kohya)
    notes = json.loads(next((tmp_path / "a1111").rglob("*.json")).read_text())
    assert "glasspaint" in notes["activation text"]
    assert loads_the_same(weights, adapters.kohya)
    facts = reader.json("pull", "alice/glass", "--to", tmp_path / "again")
    assert KOHYA_FILE in json.dumps(facts)


def loads_the_same(one: Path, other: Path) -> bool:
    """Tell whether diffusers, having loaded either file, holds the same adapter weights."""
    import torch
    from peft.utils import get_peft_model_state_dict

    states = []
    for path in (one, other):
        pipeline = models.stable_diffusion()
        pipeline.load_lora_weights(path.parent, weight_name=path.name)
        states.append(get_peft_model_state_dict(pipeline.unet, adapter_name="default_0"))
    first, second = states
    same = first.keys() == second.keys()
    return bool(first) and same and all(torch.equal(first[key], second[key]) for key in first)


def test_a_revision_stays_what_it_was(hub, alice, reader, adapters, tmp_path):
    folder = adapters.copy(adapters.peft("llama"), tmp_path / "mine")
    alice.ok("push", folder, "alice/changed")
    first = hub.anonymous.get("repos/alice/changed").json()["revision"]
    card = folder / "README.md"
    old = card.read_bytes()
    card.write_bytes(old + b"\nMore words.\n")
    alice.ok("push", folder, "alice/changed", "--message", "Say more")
    second = hub.anonymous.get("repos/alice/changed").json()["revision"]
    assert first != second
    reader.ok("pull", f"alice/changed@{first}", "--to", tmp_path / "first")
    assert next((tmp_path / "first").rglob("README.md")).read_bytes() == old
    reader.ok("pull", "alice/changed", "--to", tmp_path / "second")
    assert next((tmp_path / "second").rglob("README.md")).read_bytes() == card.read_bytes()
    history = hub.anonymous.get(f"repos/alice/changed/commits/{second}").json()["items"]
    assert [commit["revision"] for commit in history][:2] == [second, first]
    assert history[0]["title"] == "Say more"


def test_pushing_again_sends_nothing(hub, alice, adapters):
    alice.ok("push", adapters.both, "alice/again")
    before = hub.anonymous.get("repos/alice/again").json()["revision"]
    alice.ok("push", adapters.both, "alice/again")
    assert hub.anonymous.get("repos/alice/again").json()["revision"] == before


def test_curl_alone_publishes_and_fetches(hub, alice, adapters, tmp_path):
    import subprocess

    curl = [
        str(programs.need("curl", package="curl")),
        "--silent",
        "--show-error",
        "--fail-with-body",
    ]
    token = ["-H", f"Authorization: Bearer {alice.env['LORAHUB_TOKEN']}"]
    url = f"{hub.endpoint}/api/hub/v1/repos/alice/by-curl/raw/main/{KOHYA_FILE}?create=1"
    sent = subprocess.run(
        [*curl, *token, "-T", str(adapters.kohya), url], capture_output=True, check=True
    )
    revision = json.loads(sent.stdout)["revision"]
    got = tmp_path / "got"
    address = f"{hub.endpoint}/alice/by-curl/resolve/{revision}/{KOHYA_FILE}"
    subprocess.run([*curl, "-L", "-o", str(got), address], check=True)
    assert sha256(got) == sha256(adapters.kohya)
    (item,) = inspected(hub, "alice/by-curl")
    assert item["state"] == "done"


def test_the_python_way(hub, alice, adapters, tmp_path, monkeypatch):
    import lorahub

    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LORAHUB_ENDPOINT", hub.endpoint)
    monkeypatch.setenv("LORAHUB_TOKEN", alice.env["LORAHUB_TOKEN"])
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    lorahub.push(adapters.peft("gpt2"), "alice/py")
    lorahub.pull("alice/py", to=tmp_path / "py")
    weights = next((tmp_path / "py").rglob("adapter_model.safetensors"))
    assert sha256(weights) == sha256(adapters.peft("gpt2") / "adapter_model.safetensors")
    assert lorahub.Hub().whoami().name == "alice"
