"""What goes wrong: strange files, wrong models, no memory, broken numbers, ended work."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from lorahub_server.insight.previews.recipe import recipe_id
from lorahub_worker.engines import swapping
from lorahub_worker.engines.spec import AdapterRefused, BaseRefused, RecipeRefused, RenderError
from lorahub_worker.engines.swapping import fingerprint
from support import loras, tiny_base

pytestmark = pytest.mark.slow


class Ended(Exception):
    pass


@pytest.fixture(scope="module")
def star(atelier, tmp_path_factory) -> str:
    return atelier.adapter(tmp_path_factory.mktemp("star") / "star.safetensors")


def engine(atelier):
    return atelier.studio.shelf.get(atelier.image)


def refused(atelier, sha: str) -> AdapterRefused:
    before = atelier.pixels()
    with pytest.raises(AdapterRefused) as caught:
        atelier.draw(sha)
    assert caught.value.sha256 == sha
    assert caught.value.recipes == (recipe_id(atelier.recipe(sha)),)
    # Nothing of it acts, and the others go on.
    assert atelier.pixels() == before
    return caught.value


@pytest.mark.parametrize("family", ["sd1", "sdxl", "flux1", "wan-1.3b"])
def test_another_family_is_refused_with_a_sentence(atelier, tmp_path, family):
    loras.kohya_file(tmp_path / "a.safetensors", family)
    error = refused(atelier, atelier.add(tmp_path / "a.safetensors"))
    assert error.code == "wrong_family"
    assert family.split("-")[0] in error.message


def test_shapes_that_do_not_fit_are_refused_and_named(atelier, star, tmp_path):
    tensors = load_file(atelier.files[star].path)
    key = next(name for name in tensors if name.endswith("attn1.to_q.lora_A.weight"))
    tensors[key] = torch.ones(tensors[key].shape[0], 40)
    save_file(tensors, tmp_path / "a.safetensors")
    error = refused(atelier, atelier.add(tmp_path / "a.safetensors"))
    assert error.code == "wrong_family"
    assert "x 40 in the adapter" in error.message


def test_modules_that_the_base_lacks_are_refused(atelier, star, tmp_path):
    tensors = load_file(atelier.files[star].path)
    for end, shape in (("lora_A", (4, 96)), ("lora_B", (96, 4))):
        tensors[f"unet.down_blocks.7.attentions.0.proj_in.{end}.weight"] = torch.ones(shape)
    save_file(tensors, tmp_path / "a.safetensors")
    error = refused(atelier, atelier.add(tmp_path / "a.safetensors"))
    assert error.code == "wrong_family"
    assert "down_blocks.7" in error.message


def test_what_would_be_left_out_is_refused(atelier, star, tmp_path):
    """Half of an adapter is another adapter: its picture would tell something wrong."""
    tensors = load_file(atelier.files[star].path) | {"unet.conv_in.weight": torch.ones(56, 8, 3, 3)}
    save_file(tensors, tmp_path / "a.safetensors")
    refused(atelier, atelier.add(tmp_path / "a.safetensors"))


def test_damaged_files_are_refused(atelier, star, tmp_path):
    (tmp_path / "a.safetensors").write_bytes(atelier.files[star].path.read_bytes()[:5000])
    refused(atelier, atelier.add(tmp_path / "a.safetensors"))
    (tmp_path / "b.safetensors").write_bytes(b"PK\3\4 a pickle")
    refused(atelier, atelier.add(tmp_path / "b.safetensors"))
    tensors = load_file(atelier.files[star].path)
    tensors[next(iter(tensors))][0, 0] = float("nan")
    save_file(tensors, tmp_path / "c.safetensors")
    assert refused(atelier, atelier.add(tmp_path / "c.safetensors")).code == "not_finite"


def test_a_hostile_configuration_reaches_no_library(atelier, tmp_path, monkeypatch):
    plain = atelier.adapter(tmp_path / "plain", layout="peft", seed=9)
    file = tiny_base.adapter(atelier.image.path, tmp_path / "evil", layout="peft", seed=9)
    fields = json.loads((tmp_path / "evil" / "adapter_config.json").read_text())
    fields |= {
        "auto_mapping": {"base_model_class": "Evil", "parent_library": "evil_module"},
        "megatron_core": "evil.core",
        "target_modules": "(a+)+$",
        "init_lora_weights": "pissa_niter_999",
        "layers_to_transform": [0],
        "lora_dropout": 0.9,
        "runtime_config": {"ephemeral_gpu_offload": True},
        "exclude_modules": ".*",
        "modules_to_save": ["conv_in"],
        "base_model_name_or_path": "http://127.0.0.1:9/evil",
    }
    (tmp_path / "evil" / "adapter_config.json").write_text(json.dumps(fields))
    # The same file under a name of its own.
    tensors = load_file(file)
    save_file(tensors, file, {"format": "pt", "note": "other bytes"})
    evil = atelier.add(file)
    assert evil != plain
    seen = []
    import peft

    real = peft.LoraConfig.__init__

    def watched(self, *arguments, **options):
        seen.append(options)
        real(self, *arguments, **options)

    engine(atelier).slots.unload()
    monkeypatch.setattr(peft.LoraConfig, "__init__", watched)
    assert atelier.pixels(evil) == atelier.pixels(plain)
    assert seen
    assert "evil" not in repr(seen)
    assert all("lora_dropout" not in each and len(each["target_modules"]) == 70 for each in seen)


def test_copied_layers_are_refused(atelier, tmp_path):
    file = tiny_base.adapter(atelier.image.path, tmp_path / "evil", layout="peft", seed=9)
    sha = atelier.add(file, layer_replication=[[0, 10**6]])
    assert refused(atelier, sha).code == "layer_replication"


def test_weights_without_their_configuration_are_refused(atelier, tmp_path):
    file = tiny_base.adapter(atelier.image.path, tmp_path / "bare", layout="peft", seed=11)
    moved = file.rename(tmp_path / "bare.safetensors")
    assert refused(atelier, atelier.add(moved)).code == "scale_unknown"


@pytest.mark.parametrize("error", [ValueError, KeyError])
def test_half_an_adapter_is_taken_out_again(fresh, star, atelier, monkeypatch, error):
    fresh.files = atelier.files
    before, expected = fresh.pixels(), atelier.pixels(star)
    real = swapping._inject

    def broken(part, slot, paths, **options):
        real(part, slot, paths[:10], **options)
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(swapping, "_inject", broken)
        with pytest.raises((AdapterRefused, KeyError)):
            fresh.draw(star)
    assert "lora" not in str(engine(fresh).pipeline.unet)
    assert fresh.pixels() == before
    assert fresh.pixels(star) == expected


def test_ended_work_leaves_everything_as_it_was(atelier, star):
    expected = atelier.pixels(star)

    def end(done: int, _all: int) -> None:
        if done == 1:
            raise Ended

    for _ in range(2):
        with pytest.raises(Ended):
            atelier.draw_all([atelier.recipe(star, seed=3)], on_step=end)
    assert atelier.studio.warm() == {"tiny"}
    assert atelier.pixels(star) == expected


def test_a_base_that_was_changed_is_not_used_again(atelier, star, monkeypatch):
    expected = atelier.pixels(star)
    painter = engine(atelier)
    with torch.no_grad():
        painter.pipeline.unet.conv_in.weight.mul_(2)
    monkeypatch.setattr(painter, "paint", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        atelier.draw(star)
    assert atelier.studio.warm() == frozenset()
    assert atelier.pixels(star) == expected


def test_no_memory_halves_the_batch(fresh, monkeypatch):
    fresh.studio._drawing._batch = 8
    painter = engine(fresh)
    real, sizes = painter.paint, []

    def scarce(recipes, on_part):
        sizes.append(len(recipes))
        if len(recipes) > 2:
            on_part(0.5)
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(recipes, on_part)

    monkeypatch.setattr(painter, "paint", scarce)
    steps: list[tuple[int, int]] = []
    recipes = [fresh.recipe(seed=seed) for seed in range(10)]
    drawn = fresh.draw_all(recipes, on_step=lambda *each: steps.append(each))
    assert {one.recipe_id for one in drawn} == {recipe_id(one) for one in recipes}
    assert sizes == [8, 4, 2, 2, 4, 2, 2, 2]
    assert steps == sorted(steps)
    assert steps[-1] == (20, 20)
    # It is remembered.
    sizes.clear()
    fresh.draw_all([fresh.recipe(seed=seed) for seed in range(20, 23)])
    assert sizes == [2, 1]


def test_one_picture_that_does_not_fit_is_refused(fresh, monkeypatch):
    painter = engine(fresh)
    monkeypatch.setattr(painter, "paint", _raise)
    with pytest.raises(RenderError, match="Ask for a smaller one") as caught:
        fresh.draw()
    assert caught.value.code == "out_of_memory"
    assert fresh.studio.warm() == {"tiny"}


def test_an_adapter_that_does_not_fit_into_memory_is_told(atelier, star, monkeypatch):
    expected = atelier.pixels(star)
    with monkeypatch.context() as patched:
        patched.setattr(engine(atelier).slots, "use", _raise)
        with pytest.raises(RenderError, match="together") as caught:
            atelier.draw(star)
    assert caught.value.code == "out_of_memory"
    assert caught.value.recipes == (recipe_id(atelier.recipe(star)),)
    assert atelier.pixels(star) == expected


def _raise(*_: object) -> None:
    raise MemoryError


def test_broken_numbers_are_drawn_again_in_full_precision(fresh, monkeypatch):
    from dataclasses import replace

    fresh.image = replace(fresh.image, dtype="bf16")
    painter = engine(fresh)
    before = fingerprint(painter.parts)
    real, dtypes = painter.paint, []

    def overflowing(recipes, on_part):
        made = real(recipes, on_part)
        dtypes.append(painter.pipeline.unet.dtype)
        return made if dtypes[-1] == torch.float32 else np.full_like(made, np.nan)

    monkeypatch.setattr(painter, "paint", overflowing)
    drawn = fresh.draw()
    assert dtypes == [torch.bfloat16, torch.float32]
    assert drawn.facts["retried"] == "float32"
    assert drawn.facts["dtype"] == "float32"
    assert np.asarray(drawn.picture).std() > 1
    assert painter.pipeline.unet.dtype == torch.bfloat16
    assert fingerprint(painter.parts) == before


def test_numbers_that_stay_broken_are_told(fresh, monkeypatch):
    painter = engine(fresh)
    monkeypatch.setattr(painter, "paint", lambda *_: np.full((1, 64, 64, 3), np.nan, "f4"))
    with pytest.raises(RenderError) as caught:
        fresh.draw()
    assert caught.value.code == "not_finite"
    assert caught.value.recipes == (recipe_id(fresh.recipe()),)


def base_with(atelier, tmp_path, change):
    folder = shutil.copytree(atelier.image.path, tmp_path / "base")
    change(folder)
    from dataclasses import replace

    return replace(atelier.image, id="other", path=folder)


def _pickled(folder):
    file = next((folder / "unet").glob("*.safetensors"))
    torch.save(load_file(file), file.with_name("diffusion_pytorch_model.bin"))
    file.unlink()


def _all_pickled(folder):
    for file in folder.rglob("*.safetensors"):
        file.unlink()


def _index(folder, **entries):
    path = folder / "model_index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_pickled, "base_not_loaded"),
        (_all_pickled, "no_safetensors"),
        (lambda f: (f / "model_index.json").unlink(), "no_pipeline"),
        (lambda f: _index(f, _class_name="EvilPipeline"), "strange_class"),
        (lambda f: _index(f, _class_name="logging"), "strange_class"),
        (lambda f: _index(f, unet=["os", "system"]), "strange_class"),
        (lambda f: _index(f, unet=["evil", "EvilModel"]), "strange_class"),
    ],
)
def test_strange_bases_are_refused(atelier, tmp_path, change, code):
    spec = base_with(atelier, tmp_path, change)
    recipe = atelier.recipe()
    with pytest.raises(BaseRefused) as caught:
        list(atelier.studio.render(spec, [recipe], {}))
    assert caught.value.code == code
    assert caught.value.recipes == (recipe_id(recipe),)
    assert "other" not in atelier.studio.warm()


def test_code_in_a_base_is_never_run(atelier, tmp_path):
    def plant(folder):
        for name in ("pipeline.py", "unet/evil.py", "unet/modeling_evil.py"):
            (folder / name).write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
        _index(folder, _class_name=["pipeline", "EvilPipeline"])

    spec = base_with(atelier, tmp_path, plant)
    with pytest.raises(BaseRefused):
        list(atelier.studio.render(spec, [atelier.recipe()], {}))
    _index(spec.path, _class_name="StableDiffusionPipeline", unet=["evil", "EvilModel"])
    with pytest.raises(BaseRefused):
        list(atelier.studio.render(spec, [atelier.recipe()], {}))
    assert not (tmp_path / "ran").exists()


def test_texts_are_not_asked_of_painters(atelier):
    with pytest.raises(RecipeRefused, match="a base for images") as caught:
        list(atelier.studio.render(atelier.image, [atelier.text_recipe()], {}))
    assert caught.value.recipes == (recipe_id(atelier.text_recipe()),)


def test_an_adapter_that_is_not_here_is_told(atelier):
    with pytest.raises(RecipeRefused, match="is not here"):
        atelier.draw("a" * 64)
