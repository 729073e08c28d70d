"""README, "Use it from your tools": every line is run as it stands there, in its order.

Only the address of the hub and the token are other ones, and what a person has before the first
line is put there: two adapter files, a pipeline, two models.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import programs
from support.server import Hub
from support.source import ROOT

SECTION = "## Use it from your tools"
ADDRESS = "http://127.0.0.1:8000"
_DROPPED = ("LORAHUB_", "HF_", "XDG_", "GIT_", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy",
            "https_proxy")  # fmt: skip
# What people have before the first line.
BEFORE = """
import sys
from pathlib import Path

from huggingface_hub import snapshot_download, upload_folder
from peft import PeftModel

sys.path.insert(0, {tests!r})
from support import models

pipeline = models.stable_diffusion()
model = PeftModel.from_pretrained(models.language_model("gpt2"), {folder!r})
"""


def section() -> str:
    text = (ROOT / "README.md").read_text()
    return text.partition(f"{SECTION}\n")[2].partition("\n## ")[0]


def block(language: str) -> list[str]:
    """Return the lines of code in the block of a language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", section(), re.DOTALL)
    return [line for line in found.splitlines() if line]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    hub = Hub(tmp_path_factory.mktemp("readme") / "hub")
    yield hub.start()
    hub.close()


@pytest.fixture(scope="module")
def token(hub) -> str:
    return str(hub.add_account("alice").token)


@pytest.fixture(scope="module")
def home(hub, token, adapters, tmp_path_factory) -> Path:
    """A person's folder, where git knows who they are and asks nobody for a password."""
    home = tmp_path_factory.mktemp("person")
    (home / "glass.safetensors").write_bytes(adapters.kohya.read_bytes())
    second = adapters.unet / "pytorch_lora_weights.safetensors"
    (home / "second.safetensors").write_bytes(second.read_bytes())
    (home / "password").write_text(f"#!/bin/sh\necho {token}\n")
    (home / "password").chmod(0o700)
    (home / ".gitconfig").write_text("[user]\nname = Alice\nemail = alice@example.org\n")
    return home


def environment(home: Path, **more: str) -> dict[str, str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith(_DROPPED)}
    env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
    return env | {"HOME": str(home), "GIT_ASKPASS": str(home / "password"), **more}


def test_commands(hub, token, home, adapters) -> None:
    programs.need("curl", package="curl")
    programs.need("git-lfs", package="git-lfs")
    lines = [line.replace(ADDRESS, hub.endpoint).replace("lh_...", token) for line in block("sh")]
    done = subprocess.run(
        ["bash", "-ec", "\n".join(lines)],
        cwd=home, env=environment(home), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    glass = adapters.kohya.read_bytes()
    assert (home / "got" / "glass.safetensors").read_bytes() == glass
    assert (home / "glass" / "glass.safetensors").read_bytes() == glass
    files = hub.anonymous.get("repos/alice/glass/tree/main").expect(200).json()["items"]
    assert [item["path"] for item in files] == [
        ".gitattributes", "README.md", "glass.safetensors", "second.safetensors",
    ]  # fmt: skip
    assert all(item["large"] for item in files if item["path"].endswith(".safetensors"))
    assert hub.anonymous.get("/alice/by-curl/resolve/main/glass.safetensors").body == glass


def test_python(hub, token, home, adapters) -> None:
    """PEFT changes the model that it is given, so each tool has a new one."""
    if hub.anonymous.get("repos/alice/glass").status != 200:
        test_commands(hub, token, home, adapters)
    lines = [BEFORE.format(tests=str(ROOT / "tests"), folder=str(adapters.peft("gpt2")))]
    for line in block("python"):
        fresh = "" if line.startswith("base.set") else 'base = models.language_model("gpt2"); '
        lines.append(fresh + line)
    lines.append("print(*(path.name for path in Path(folder).iterdir()))")
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        cwd=home, env=environment(home, HF_ENDPOINT=hub.endpoint, HF_TOKEN=token),
        capture_output=True, text=True, check=False, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    assert "adapter_model.safetensors" in done.stdout
    hub.anonymous.get("repos/alice/poet").expect(200)


def test_vllm_finds_the_adapter(hub, token, home, adapters) -> None:
    """vLLM needs a build and a graphics card of its own: what it does with the name is done here."""
    (name,) = re.findall(r"`vllm serve BASE --enable-lora --lora-modules poet=(\S+)`", section())
    if hub.anonymous.get(f"repos/{name}").status != 200:
        test_python(hub, token, home, adapters)
    code = "import huggingface_hub as h, sys; print(h.snapshot_download(repo_id=sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, name],
        env=environment(home, HF_ENDPOINT=hub.endpoint),
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    there = Path(done.stdout.strip().splitlines()[-1])
    assert {"adapter_config.json", "adapter_model.safetensors"} <= {
        path.name for path in there.iterdir()
    }


def test_every_tool_is_there() -> None:
    lines = [*block("sh"), *block("python"), section()]
    for tool in ("hf upload", "git clone", "git lfs", "curl", "load_lora_weights", "push_to_hub",
                 "load_adapter", "snapshot_download", "vllm serve"):  # fmt: skip
        assert any(tool in line for line in lines), tool
    assert "lorahub push" in (ROOT / "README.md").read_text()
