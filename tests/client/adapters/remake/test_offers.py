"""A menu of what can be made: all that is offered works, and what is left out fails."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from lorahub.adapters import AdapterFileError, make_plan, make_variant, read_header, summarise
from lorahub.adapters.remake.offers import Offers, offers
from lorahub.adapters.remake.words import LAYOUTS
from support import loras

DOWN = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"
CLIP = "lora_te_text_model_encoder_layers_0_self_attn_q_proj"


def kohya(family, **options):
    return lambda path: loras.kohya_file(path / "w.safetensors", family, **options)


def llama(path, **config):
    loras.peft_folder(path / "p", loras.llama_modules(), **config)
    (path / "p" / "adapter_model.safetensors").rename(path / "w.safetensors")
    return json.loads((path / "p" / "adapter_config.json").read_text())


def without_scale(path):
    llama(path)


def save(tensors, **more):
    return lambda path: save_file({k: v.astype("f4") for k, v in tensors.items()}, path, **more)


def hada(path):
    shapes = {"w1_a": (64, 4), "w1_b": (4, 2048), "w2_a": (64, 4), "w2_b": (4, 2048)}
    chance = np.random.default_rng(1)
    tensors = {f"{DOWN}.hada_{key}": chance.normal(size=shape) for key, shape in shapes.items()}
    save({**tensors, f"{DOWN}.alpha": np.array(4.0)})(path / "w.safetensors")


def with_a_whole_tensor(path):
    tensors = loras.kohya_tensors("sdxl", names=[(DOWN, 640, 2048, ())])
    save({**tensors, "emb_params": np.ones((2, 768))})(path / "w.safetensors")


def cut(path):
    tensors = loras.kohya_tensors(
        "sdxl", names=[(DOWN, 640, 2048, ()), (DOWN[:-1] + "v", 640, 2048, ())]
    )
    del tensors[f"{DOWN[:-1]}v.lora_up.weight"]
    save(tensors)(path / "w.safetensors")


def read(path, config=None):
    with path.open("rb") as file:
        return summarise(read_header(file, path.stat().st_size), config).to_dict()


SAMPLES = {
    "sd1": kohya("sd1", names=[(DOWN.replace("1_att", "0_att"), 320, 768, ())]),
    "sdxl": kohya("sdxl", names=[(DOWN, 640, 2048, ())]),
    "wan": kohya("wan-1.3b", names=[("lora_unet_blocks_3_self_attn_q", 1536, 1536, ())]),
    "text encoder": kohya("sd1", names=[(CLIP, 768, 768, ())]),
    "language model": llama,
    "no scale": without_scale,
    "LoHa": hada,
    "whole tensor": with_a_whole_tensor,
    "cut": cut,
}


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_offered_is_what_works(tmp_path, name):
    config = SAMPLES[name](tmp_path)
    config = config if isinstance(config, dict) and "peft_type" in config else None
    path = tmp_path / "w.safetensors"
    facts = read(path, config)
    found = offers(facts)
    families = found.families or (None,)

    def works(**wish):
        folder = tmp_path / "-".join(map(str, wish.values()))
        folder.mkdir()
        try:
            return bool(make_variant(path, config, folder, make_plan(**wish))[0])
        except AdapterFileError:
            return False

    assert works(dtype="bf16")
    assert works(rank=2) is found.ranks
    for layout in set(LAYOUTS) - {facts["layout"]}:
        made = [works(layout=layout, family=family) for family in families]
        assert any(made) is (layout in found.layouts), layout
        if found.families:
            assert not works(layout=layout)


def test_nothing_comes_of_numbers_that_are_none(tmp_path):
    SAMPLES["sdxl"](tmp_path)
    facts = read(tmp_path / "w.safetensors")
    assert offers(facts, sound=False) == Offers()
    assert offers(facts).layouts == ("diffusers", "peft")


@pytest.mark.parametrize("facts", [{}, {"layout": 3, "warnings": ["x"], "rank": None}])
def test_facts_that_tell_nothing_offer_nothing(facts):
    assert offers(facts) == Offers()
