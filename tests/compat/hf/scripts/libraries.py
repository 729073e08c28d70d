"""Loads adapters as people do. Runs in the project's own environment.

Arguments: what, the repository, and a folder with what was published.
"""

import sys
from pathlib import Path

import torch
from common import api, raises, tell

sys.path.insert(0, str(Path(__file__).parents[3]))
from support import models

what, repo, folder = sys.argv[1:]


def same(one, other):
    assert one
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)


def weights(pipeline):
    from peft.utils import get_peft_model_state_dict

    return get_peft_model_state_dict(pipeline.unet, adapter_name=pipeline.get_active_adapters()[0])


def diffusers():
    name = "pytorch_lora_weights.safetensors"
    local = models.stable_diffusion()
    local.load_lora_weights(folder, weight_name=name)
    for options in ({}, {"weight_name": name}, {"revision": api.model_info(repo).sha}):
        pipeline = models.stable_diffusion()
        pipeline.load_lora_weights(repo, **options)
        same(weights(pipeline), weights(local))
    raises(
        Exception, models.stable_diffusion().load_lora_weights, repo, weight_name="no.safetensors"
    )
    raises(Exception, models.stable_diffusion().load_lora_weights, f"{repo}-not")


def diffusers_push():
    made = models.stable_diffusion()
    made.load_lora_weights(folder)
    made.save_lora_weights("saved", unet_lora_layers=weights(made), safe_serialization=True)
    api.create_repo(repo)
    api.upload_folder(folder_path="saved", repo_id=repo)
    again = models.stable_diffusion()
    again.load_lora_weights(repo)
    same(weights(again), weights(made))


def peft():
    from peft import PeftConfig, PeftModel, get_peft_model_state_dict

    assert PeftConfig.from_pretrained(repo).r == 4
    local = PeftModel.from_pretrained(models.language_model("gpt2"), folder)
    for options in ({}, {"revision": api.model_info(repo).sha}):
        got = PeftModel.from_pretrained(models.language_model("gpt2"), repo, **options)
        same(get_peft_model_state_dict(got), get_peft_model_state_dict(local))
    pushed = f"{repo}-pushed"
    local.push_to_hub(pushed, private=True)
    again = PeftModel.from_pretrained(models.language_model("gpt2"), pushed)
    same(get_peft_model_state_dict(again), get_peft_model_state_dict(local))
    assert api.model_info(pushed).private
    assert {"adapter_config.json", "adapter_model.safetensors"} <= set(api.list_repo_files(pushed))
    local.push_to_hub(pushed)
    raises(ValueError, PeftModel.from_pretrained, models.language_model("gpt2"), f"{repo}-not")


def transformers():
    from peft import PeftModel

    local = PeftModel.from_pretrained(models.language_model("gpt2"), folder)
    model = models.language_model("gpt2")
    model.load_adapter(repo, adapter_name="mine")
    tokens = torch.tensor([[1, 5, 9, 7]])
    model.eval()
    local.eval()
    with torch.no_grad():
        assert torch.allclose(model(tokens).logits, local(tokens).logits)
    # Whole models are kept elsewhere.
    whole = models.language_model("gpt2")
    refused = raises(Exception, whole.push_to_hub, f"{repo}-whole")
    assert "not an adapter" in f"{refused}{refused.__cause__}"


{
    "diffusers": diffusers,
    "diffusers-push": diffusers_push,
    "peft": peft,
    "transformers": transformers,
}[what]()
tell()
