"""vLLM's LoRA resolver for repositories of a hub; its calls are replayed, as it needs a large GPU
build of its own.
"""

import json

import pytest

from support.hf_clients import Client

KINDS = ["0.36", "2.4-xet"]
OTHERS = [pytest.param(kind, marks=pytest.mark.slow) for kind in ("1.19", "1.x-xet")]


@pytest.fixture(params=[*KINDS, *OTHERS])
def client(request, make_client, crowd, alice) -> Client:
    return make_client(request.param, crowd.endpoint, alice.token)


def test_an_adapter_by_its_repository(client: Client, alice, adapters, name: str) -> None:
    folder = adapters.peft("llama")
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    config = json.loads(files["adapter_config.json"])
    second = {f"second/{path}": data for path, data in files.items() if path != "README.md"}
    alice.publish(name, {**files, **second})
    told = client.run("vllm", name, config["base_model_name_or_path"])
    modules = [str(module) for module in told["modules"]]
    assert modules
    assert all(module.startswith("model.layers.") for module in modules)
