"""What vLLM's resolver does with `owner/name` and `owner/name/folder`, call by call (0.33).

It lists the files once for each repository, looks for configurations of adapters among them, gets
the adapter's folder, and compares the configuration with the model that it serves. What it loads
the weights with then wants the names that PEFT gives to files and tensors.

Arguments: the repository, and the base model.
"""

import json
import struct
from pathlib import Path

from common import ARGS, api, raises, tell
from huggingface_hub.utils import RepositoryNotFoundError

CONFIG = "adapter_config.json"
repo, base = ARGS


def folders():
    files = api.list_repo_files(repo_id=repo)
    return {str(Path(name).parent) for name in files if name.endswith(CONFIG)}


def resolved(name, known):
    """Return where the adapter of this name lies; None when there is none for the base model."""
    folder = name[len(repo) + 1 :].rstrip("/") or "."
    if folder not in known:
        return None
    patterns = "*" if folder == "." else f"{folder}/*"
    there = Path(api.snapshot_download(repo_id=repo, allow_patterns=patterns), folder)
    config = json.loads((there / CONFIG).read_text())
    is_its = config["peft_type"] == "LORA" and config["base_model_name_or_path"] == base
    return there if is_its else None


def modules(folder):
    """Return the modules that the weights are for, each with the parts that it has."""
    config = json.loads((folder / CONFIG).read_text())
    assert config["r"] > 0
    assert config["lora_alpha"]
    assert config["target_modules"]
    assert config.get("bias", "none") == "none"
    with (folder / "adapter_model.safetensors").open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    found = {}
    for key, tensor in header.items():
        if key == "__metadata__":
            continue
        assert key.startswith("base_model.model."), key
        parts = key.split(".")
        assert parts[-1] == "weight", key
        assert parts[-2] in ("lora_A", "lora_B"), key
        assert parts[-3] in config["target_modules"], key
        assert config["r"] in tensor["shape"]
        found.setdefault(".".join(parts[2:-2]), set()).add(parts[-2])
    return found


known = folders()
assert known == {".", "second"}, known
told = []
for name in (repo, f"{repo}/", f"{repo}/second", f"{repo}/second/"):
    found = modules(resolved(name, known))
    assert found
    assert all(parts == {"lora_A", "lora_B"} for parts in found.values())
    told.append(sorted(found))
assert resolved(f"{repo}/third", known) is None
base = "somebody/else"
assert resolved(repo, known) is None
raises(RepositoryNotFoundError, api.list_repo_files, repo_id=f"{repo}-not")
tell(modules=told[0])
