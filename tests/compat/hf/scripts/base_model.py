"""Loads a base model of another hub and an adapter of this one, both by name.

Arguments: what, the adapter's repository, and a folder with what was published.
"""

import sys
from pathlib import Path

import torch
from common import tell

sys.path.insert(0, str(Path(__file__).parents[3]))
from support import models

what, repo, folder = sys.argv[1:]


def transformers():
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained("acme/tiny-gpt2").eval()
    got = PeftModel.from_pretrained(base, repo).eval()
    local = PeftModel.from_pretrained(models.language_model("gpt2"), folder).eval()
    tokens = torch.tensor([[1, 5, 9, 7]])
    with torch.no_grad():
        assert torch.allclose(got(tokens).logits, local(tokens).logits)
    base = AutoModelForCausalLM.from_pretrained("acme/tiny-gpt2")
    base.load_adapter(repo)


def diffusers():
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained("acme/tiny-sd", safety_checker=None)
    pipeline.load_lora_weights(repo)
    local = models.stable_diffusion()
    local.load_lora_weights(folder)
    mine, theirs = dict(local.unet.named_parameters()), dict(pipeline.unet.named_parameters())
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)


{"transformers": transformers, "diffusers": diffusers}[what]()
tell()
