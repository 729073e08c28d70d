"""Pictures of a tiny base with random weights: adapters act, are swapped, and leave no trace."""

import hashlib
import random
import resource
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from lorahub_server.insight.previews.recipe import recipe_id
from lorahub_worker.engines import schedulers
from lorahub_worker.engines.spec import RecipeRefused
from lorahub_worker.engines.swapping import fingerprint
from support import tiny_base

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")


def distance(one: bytes, other: bytes) -> float:
    """Mean over all numbers of both pictures, from 0 to 1."""
    pairs = (np.frombuffer(each, "u1").astype("f4") for each in (one, other))
    return float(np.abs(np.subtract(*pairs)).mean()) / 255


@pytest.fixture(scope="module")
def star(atelier, tmp_path_factory) -> str:
    """An adapter of the U-Net and the text encoder."""
    return atelier.adapter(tmp_path_factory.mktemp("star") / "star.safetensors", text=True)


@pytest.fixture(scope="module")
def neon(atelier, tmp_path_factory) -> str:
    """Another rank, and fewer modules."""
    path = tmp_path_factory.mktemp("neon") / "neon.safetensors"
    return atelier.adapter(path, layout="kohya", seed=2, rank=7, only="attn1")


def engine(atelier):
    return atelier.studio.shelf.get(atelier.image)


def test_an_adapter_changes_the_picture_and_its_strength_decides_how_much(atelier, star):
    base = atelier.pixels()
    assert atelier.pixels() == base
    far = [distance(base, atelier.pixels((star, strength))) for strength in (0.1, 0.5, 1.0)]
    assert far[2] > 0.02
    assert 0 < far[0] < far[1]
    assert atelier.pixels((star, 0.0)) == base


def test_every_layout_of_one_adapter_draws_the_same(atelier, tmp_path):
    shas = [
        atelier.adapter(tmp_path / "a.safetensors", layout="diffusers", seed=5),
        atelier.adapter(tmp_path / "b.safetensors", layout="kohya", seed=5),
        atelier.adapter(tmp_path / "c", layout="peft", seed=5),
        # The same change, said with other alphas.
        atelier.adapter(tmp_path / "d.safetensors", layout="kohya", seed=5, alpha=2.0),
        atelier.adapter(tmp_path / "e", layout="peft", seed=5, alpha=16.0),
    ]
    assert len(set(shas)) == len(shas)
    drawn = {atelier.pixels(sha) for sha in shas}
    assert len(drawn) == 1
    assert distance(drawn.pop(), atelier.pixels()) > 0.02


def test_the_text_encoder_is_changed_in_every_layout(atelier, star, tmp_path):
    kohya = atelier.adapter(tmp_path / "te.safetensors", layout="kohya", text=True)
    without = atelier.adapter(tmp_path / "unet.safetensors")
    assert atelier.pixels(kohya) == atelier.pixels(star)
    assert atelier.pixels(without) != atelier.pixels(star)


def test_it_is_the_picture_that_diffusers_own_loader_gives(atelier, star):
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(atelier.image.path, safety_checker=None)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.load_lora_weights(load_file(atelier.files[star].path), adapter_name="star")
    options = {name: tiny_base.QUICK[name] for name in ("width", "height")}
    picture = pipeline(
        "a red circle on a blue background",
        num_inference_steps=2,
        guidance_scale=tiny_base.QUICK["guidance"],
        generator=torch.Generator().manual_seed(0),
        **options,
    ).images[0]
    assert picture.tobytes() == atelier.pixels(star)


def test_a_swap_is_as_good_as_a_fresh_load(atelier, fresh, star, neon):
    swapped = [atelier.pixels(sha) for sha in (star, neon, star, neon)]
    assert swapped[:2] == swapped[2:]
    fresh.files = atelier.files
    assert fresh.pixels(neon) == swapped[1]


def test_a_stack_does_not_depend_on_what_was_there_before(atelier, fresh, star, neon):
    atelier.pixels(neon)
    after = atelier.pixels((star, 0.8), (neon, 0.5))
    fresh.files = atelier.files
    assert fresh.pixels((star, 0.8), (neon, 0.5)) == after
    assert after not in (atelier.pixels((star, 0.8)), atelier.pixels((neon, 0.5)))


def test_the_base_is_what_it_was_bit_for_bit(atelier, fresh, star, neon):
    before = fresh.pixels()
    for sha in (star, neon):
        atelier.pixels(sha)
    assert atelier.pixels() == before
    painter = engine(atelier)
    painter.slots.unload()
    assert "lora" not in str(painter.pipeline.unet) + str(painter.pipeline.text_encoder)
    assert atelier.pixels() == before


@pytest.mark.parametrize("times", [20, pytest.param(100, marks=pytest.mark.slow)])
def test_many_switches_leave_neither_memory_nor_traces(atelier, star, neon, tmp_path, times):
    painter = engine(atelier)
    more = [atelier.adapter(tmp_path / f"{n}.safetensors", seed=n, rank=n) for n in (3, 9, 16)]
    weights = [
        atelier.studio.cache.get(atelier.files[sha], "shapes") for sha in (star, neon, *more)
    ]
    chance = random.Random(7)

    def switch(times: int) -> None:
        for _ in range(times):
            chosen = chance.sample(weights, chance.choice([1, 1, 1, 2, 3]))
            painter.slots.use([(each, chance.random()) for each in chosen])

    painter.slots.unload()
    before = fingerprint(painter.parts)
    switch(10)
    resident = _resident()
    switch(times)
    assert _resident() - resident < 20e6
    painter.slots.unload()
    assert fingerprint(painter.parts) == before


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def test_a_fingerprint_sees_one_number(atelier):
    painter = engine(atelier)
    before = fingerprint(painter.parts)
    weight = painter.pipeline.unet.conv_in.weight
    kept = weight.data[0, 0, 0, 0].item()
    with torch.no_grad():
        weight[0, 0, 0, 0] += 1e-6
        assert fingerprint(painter.parts) != before
        weight[0, 0, 0, 0] = kept
    assert fingerprint(painter.parts) == before


def test_magnitudes_act_as_diffusers_has_them(atelier, tmp_path):
    """DoRA, in the layout of diffusers."""
    from diffusers import StableDiffusionPipeline

    plain = load_file(tiny_base.adapter(atelier.image.path, tmp_path / "p.safetensors", seed=3))
    tensors = dict(plain)
    for key, up in plain.items():
        if key.endswith("lora_B.weight"):
            magnitude = torch.linspace(0.5, 1.5, up.shape[0])
            tensors[key.replace("lora_B.weight", "lora_magnitude_vector")] = magnitude
    save_file(tensors, tmp_path / "dora.safetensors")
    sha = atelier.add(tmp_path / "dora.safetensors")
    pipeline = StableDiffusionPipeline.from_pretrained(atelier.image.path, safety_checker=None)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.load_lora_weights(dict(tensors), adapter_name="dora")
    picture = pipeline(
        "a red circle on a blue background", width=64, height=64, num_inference_steps=2,
        guidance_scale=3.0, generator=torch.Generator().manual_seed(0),
    ).images[0]  # fmt: skip
    assert picture.tobytes() == atelier.pixels(sha)
    # And the next one has none of it.
    assert atelier.pixels(atelier.adapter(tmp_path / "q.safetensors", seed=3)) != picture.tobytes()


def loha(name: str, weight, chance) -> tuple[dict, torch.Tensor]:
    rows, columns = weight.shape
    sides = [torch.randn(shape, generator=chance) for shape in ((rows, 2), (2, columns)) * 2]
    names = ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b")
    tensors = {f"{name}.{end}": side for end, side in zip(names, sides, strict=True)}
    change = (sides[0] @ sides[1]) * (sides[2] @ sides[3])
    return tensors | {f"{name}.alpha": torch.tensor(2.0)}, change


def locon(name: str, weight, chance) -> tuple[dict, torch.Tensor]:
    rows, *inner = weight.shape
    down = torch.randn(4, *inner, generator=chance) / 20
    up = torch.randn(rows, 4, 1, 1, generator=chance)
    tensors = {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up}
    change = torch.einsum("or,rikl->oikl", up[:, :, 0, 0], down) * 0.5
    return tensors | {f"{name}.alpha": torch.tensor(2.0)}, change


@pytest.mark.parametrize(
    ("make", "end"), [(loha, "attn2.to_v.weight"), (locon, ".resnets.0.conv1.weight")]
)
def test_other_methods_are_what_they_add_to_the_weights(atelier, tmp_path, make, end):
    """Also those that no loader of diffusers takes."""
    tensors, full = {}, {}
    chance = torch.Generator().manual_seed(1)
    weights = load_file(next((atelier.image.path / "unet").glob("*.safetensors")))
    for key, weight in weights.items():
        if key.endswith(end):
            name = "lora_unet_" + key.removesuffix(".weight").replace(".", "_")
            made, full[key] = make(name, weight, chance)
            tensors |= made
    save_file(tensors, tmp_path / "other.safetensors")
    drawn = atelier.pixels(atelier.add(tmp_path / "other.safetensors"))
    painter = engine(atelier)
    painter.slots.unload()
    unet = painter.pipeline.unet
    kept = {key: unet.get_parameter(key).detach().clone() for key in full}
    with torch.no_grad():
        for key, change in full.items():
            unet.get_parameter(key).add_(change)
    changed = atelier.pixels()
    with torch.no_grad():
        for key, weight in kept.items():
            unet.get_parameter(key).copy_(weight)
    assert distance(drawn, changed) < 0.002
    assert distance(drawn, atelier.pixels()) > 0.01


@pytest.mark.parametrize("name", schedulers.NAMES)
def test_every_scheduler_draws_and_is_repeatable(atelier, name):
    recipe = {"scheduler": name, "steps": 4, "guidance": 1.0}
    steps: list[tuple[int, int]] = []
    drawn = atelier.draw_all([atelier.recipe(**recipe)], on_step=lambda *each: steps.append(each))[
        0
    ]
    assert np.asarray(drawn.picture).std() > 1
    assert atelier.pixels(**recipe) == drawn.picture.tobytes()
    assert steps[-1] == (4, 4)
    assert steps == sorted(steps)
    assert {done for done, _ in steps} >= {1, 2, 3, 4}


def test_an_unknown_scheduler_is_refused_with_those_there_are(atelier):
    with pytest.raises(RecipeRefused, match="take ddim, euler") as caught:
        atelier.draw(scheduler="magic")
    assert caught.value.code == "unknown_scheduler"
    assert caught.value.recipes == (recipe_id(atelier.recipe(scheduler="magic")),)


def test_results_come_one_by_one_with_their_facts(atelier, star):
    recipes = [atelier.recipe(seed=1), atelier.recipe(star, seed=1), atelier.recipe((star, 0.5))]
    steps: list[int] = []
    results = atelier.studio.render(
        atelier.image, recipes, atelier.files, on_step=lambda done, _all: steps.append(done)
    )
    first = next(results)
    assert max(steps) == 2  # nothing of the second was begun
    assert first.recipe_id == recipe_id(recipes[0])
    rest = {one.recipe_id: one for one in results}
    facts = rest[recipe_id(recipes[1])].facts
    assert facts["effect"] > 0.02
    assert facts["base_digest"] == atelier.image.digest
    assert facts["libraries"]["torch"] == torch.__version__
    assert facts["dtype"] == "float32"
    assert facts["device"].startswith("cpu")
    assert facts["batch"] == 1
    # The base with this seed was not drawn here.
    assert first.facts["effect"] is None


def test_pictures_of_one_call_are_those_of_single_calls(atelier, star):
    """To the last bit but for a few numbers, which is why the CPU draws one at a time."""
    painter = engine(atelier)
    recipes = [atelier.recipe(star, seed=seed, prompt=f"a {c} ring") for seed, c in
               enumerate(("red", "blue", "green"))]  # fmt: skip
    single = [atelier.draw(star, seed=r.seed, prompt=r.prompt).picture for r in recipes]
    together = painter.paint(recipes, lambda _share: None)
    for one, other in zip(single, together, strict=True):
        apart = np.abs(np.asarray(one).astype(int) - (other * 255).round().astype(int))
        assert apart.max() <= 1
        assert (apart > 0).mean() < 0.001


def test_the_same_weights_twice_are_one_adapter_each(atelier, star):
    twice = atelier.pixels((star, 0.5), (star, 0.5))
    assert distance(twice, atelier.pixels(star)) < 0.001


def test_hashes_of_pictures_are_of_what_is_seen(atelier):
    from lorahub_worker.engines import png

    picture = atelier.draw().picture
    expected = hashlib.sha256(picture.tobytes()).hexdigest()
    assert png.pixels_sha256(picture) == expected
