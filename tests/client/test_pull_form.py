"""`lorahub pull` of an adapter in another form, from a real hub with a worker."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save

from lorahub.adapters.report import inspect_file
from support import hf


def kohya() -> bytes:
    chance = np.random.default_rng(1)
    tensors = {}
    for part, width in (("q", 320), ("k", 768), ("v", 768)):
        name = f"lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_{part}"
        tensors[f"{name}.lora_up.weight"] = chance.normal(size=(320, 8)).astype("f4")
        tensors[f"{name}.lora_down.weight"] = chance.normal(size=(8, width)).astype("f4")
        tensors[f"{name}.alpha"] = np.array(4, "f4")
    return save(tensors, {"ss_network_module": "networks.lora"})


@pytest.fixture(scope="module")
def endpoint(shared_hub):
    alice = shared_hub.add_account("alice-forms")
    hf.create(alice, "style").expect(200)
    oid = hf.send(alice, "alice-forms/style", kohya())
    lines = [hf.large("style.safetensors", oid), hf.add("README.md", b"# Style")]
    hf.commit(alice, "alice-forms/style", *lines).expect(200)
    return shared_hub.endpoint


@pytest.fixture
def published(endpoint, client):
    return client.use(endpoint)


def test_in_every_layout(published, tmp_path):
    original = tmp_path / "original.safetensors"
    original.write_bytes(kohya())
    strength = inspect_file(original)["strength"]["frobenius"]

    done = published.ends(0, "pull", "alice-forms/style", "--layout", "peft", "--dtype", "fp32")
    assert "is making it" in done.stderr
    assert sorted(published.files("style")) == [
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    config = json.loads(published.files("style")["adapter_config.json"])
    assert (config["peft_type"], config["r"]) == ("LORA", 8)

    options = ["--layout", "diffusers", "--dtype", "fp16", "--file", "*.safetensors"]
    published.ends(0, "pull", "alice-forms/style", *options, "--to", "small")
    made = published.here / "small" / "style.safetensors"
    assert {str(one.dtype) for one in load_file(made).values()} <= {"float16", "float32"}
    report = inspect_file(made)
    assert report["layout"] == "diffusers"
    assert report["strength"]["frobenius"] == pytest.approx(strength, rel=1e-3)

    again = published.ends(0, "pull", "alice-forms/style", *options, "--to", "small")
    assert "all there already" in again.stderr
    assert "is making it" not in again.stderr


def test_smaller_for_a_tool(published):
    (published.here / "models").mkdir()
    done = published.ends(
        0,
        "pull",
        "alice-forms/style",
        "--rank",
        "2",
        "--to",
        "comfyui",
        "--root",
        str(published.here),
        "--json",
    )
    (placed,) = [f for f in json.loads(done.stdout)["files"] if f["place"].endswith("safetensors")]
    assert placed["place"].endswith("models/loras/style.safetensors")
    assert inspect_file(placed["place"])["ranks"] == [2, 2]


def test_what_cannot_be_made(published):
    done = published.ends(1, "pull", "alice-forms/style", "--layout", "gguf")
    assert "layout" in done.stderr
    assert published.files("style") == {}
    done = published.ends(1, "pull", "alice-forms/style", "--layout", "peft", "--family", "sd3")
    assert "not of sd3" in done.stderr


def test_nothing_is_made_for_a_folder_that_is_not_there(published):
    done = published.ends(
        1, "pull", "alice-forms/style", "--rank", "3", "--to", "comfyui", "--root", "nowhere"
    )
    assert "--root" in done.stderr
    assert "making" not in done.stderr


def test_a_named_file_may_get_another_name(published):
    options = ["--file", "style.safetensors", "--layout", "peft", "--rank", "4"]
    published.ends(0, "pull", "alice-forms/style", *options)
    assert sorted(published.files("style")) == ["adapter_config.json", "adapter_model.safetensors"]
