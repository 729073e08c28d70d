"""Texts of a tiny Llama with random weights: alone, with adapters, several in one batch."""

import json

import pytest
import torch

from lorahub_server.insight.previews.recipe import recipe_id
from lorahub_worker.engines.spec import AdapterRefused
from lorahub_worker.engines.swapping import fingerprint
from support import loras, tiny_base


@pytest.fixture(scope="module")
def pirate(atelier, tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("pirate")
    return atelier.add(tiny_base.text_adapter(atelier.text.path, folder))


@pytest.fixture(scope="module")
def poet(atelier, tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("poet")
    return atelier.add(tiny_base.text_adapter(atelier.text.path, folder, seed=2, rank=6))


def engine(atelier):
    return atelier.studio.shelf.get(atelier.text)


def test_it_is_what_peft_itself_says(atelier, pirate):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(atelier.text.path)
    model = AutoModelForCausalLM.from_pretrained(atelier.text.path)
    asked = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Name a colour."}], tokenize=False, add_generation_prompt=True
    )
    assert asked == "<s>user: Name a colour.\nassistant: "
    given = tokenizer(asked, add_special_tokens=False, return_tensors="pt")
    for sha in (None, pirate):
        if sha:
            model = PeftModel.from_pretrained(model, atelier.files[sha].path.parent)
        made = model.generate(**given, max_new_tokens=10, do_sample=False)
        text = tokenizer.decode(made[0, given.input_ids.shape[1] :], skip_special_tokens=True)
        assert atelier.write(*([sha] if sha else [])) == text


def test_several_in_one_batch_are_what_each_is_alone(atelier, pirate, poet):
    recipes = [
        atelier.text_recipe(),
        atelier.text_recipe((pirate, 0.7)),
        atelier.text_recipe(poet),
        atelier.text_recipe(poet, prompt="Another"),
    ]
    steps: list[tuple[int, int]] = []
    drawn = {
        one.recipe_id: one
        for one in atelier.draw_all(recipes, on_step=lambda *each: steps.append(each))
    }
    together = [drawn[recipe_id(each)] for each in recipes]
    assert [one.facts["batch"] for one in together] == [3, 3, 3, 1]
    assert [one.text for one in together] == [
        atelier.write(),
        atelier.write((pirate, 0.7)),
        atelier.write(poet),
        atelier.write(poet, prompt="Another"),
    ]
    assert len({one.text for one in together[:3]}) == 3
    assert steps == sorted(steps)
    assert steps[-1] == (40, 40)


def test_two_strengths_of_one_adapter_are_told_apart(atelier, pirate):
    recipes = [atelier.text_recipe((pirate, strength)) for strength in (0.2, 1.0)]
    drawn = {one.recipe_id: one.text for one in atelier.draw_all(recipes)}
    assert drawn[recipe_id(recipes[0])] == atelier.write((pirate, 0.2))
    assert drawn[recipe_id(recipes[1])] == atelier.write((pirate, 1.0))


def test_the_effect_grows_with_the_strength(atelier, pirate):
    far = []
    for strength in (0.01, 0.3, 1.0):
        facts = atelier.draw_all([atelier.text_recipe((pirate, strength))])[0].facts
        assert 0 <= facts["effect"] <= 1
        far.append(facts["kl"])
    assert 0 <= far[0] < min(far[1:])
    assert atelier.draw_all([atelier.text_recipe()])[0].facts["effect"] is None


def test_adapters_stack_and_leave_no_trace(atelier, pirate, poet):
    before = atelier.write()
    prints = fingerprint(engine(atelier).parts)
    stacked = atelier.write(pirate, poet)
    assert stacked not in (atelier.write(pirate), atelier.write(poet))
    assert atelier.write() == before
    assert fingerprint(engine(atelier).parts) == prints


def test_sampling_repeats_with_its_seed(atelier, pirate):
    warm = {"temperature": 1.5}
    assert atelier.write(pirate, **warm) == atelier.write(pirate, **warm)
    assert len({atelier.write(pirate, seed=seed, **warm) for seed in range(4)}) > 1
    state = torch.get_rng_state()
    atelier.write(**warm)
    assert torch.equal(torch.get_rng_state(), state)


def test_ended_work_leaves_everything_as_it_was(atelier, pirate):
    expected = atelier.write(pirate)

    def end(done: int, _all: int) -> None:
        if done >= 3:
            raise KeyError

    with pytest.raises(KeyError):
        atelier.draw_all([atelier.text_recipe(), atelier.text_recipe(pirate)], on_step=end)
    assert atelier.write(pirate) == expected
    layers = engine(atelier).slots.layers
    assert not any(layer._forward_pre_hooks for layer in layers)


def test_other_models_adapters_are_refused(atelier, tmp_path):
    loras.peft_folder(tmp_path / "wide", loras.llama_modules(width=32))
    sha = atelier.add(tmp_path / "wide" / "adapter_model.safetensors")
    with pytest.raises(AdapterRefused, match="made for another model") as caught:
        atelier.write(sha)
    assert caught.value.code == "wrong_family"
    loras.kohya_file(tmp_path / "sd.safetensors", "sd1")
    with pytest.raises(AdapterRefused):
        atelier.write(atelier.add(tmp_path / "sd.safetensors"))


def test_it_is_measured(atelier, pirate):
    figures = atelier.studio.measure(atelier.text, atelier.files[pirate])
    assert figures.setting["tokens"] == 32
    assert min(figures.load_ms, figures.swap_ms, figures.base_ms, figures.unfused_ms) > 0
    assert figures.fused_ms is not None
    assert figures.memory == sum(
        tensor.numel() * 4
        for _, _, change in atelier.studio.cache.get(atelier.files[pirate], "llama")
        for tensor in (change.down, change.up)
    )
    json.dumps(figures.to_dict())
