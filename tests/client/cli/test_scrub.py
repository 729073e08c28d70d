"""`lorahub scrub` on the command line."""

import json

import numpy as np
import pytest

from lorahub.adapters import scrub
from lorahub.adapters.scrubbing_folders import scrub_config
from lorahub.cli.main import main
from support import loras
from support.weights import save


@pytest.fixture
def file(adapters, tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(adapters.kohya.read_bytes())
    return path


def test_it_writes_a_clean_copy_beside_the_file(file, capsys):
    assert main(["scrub", str(file)]) == 0
    copy = file.with_name("a.clean.safetensors")
    said = capsys.readouterr().out
    assert "ss_dataset_dirs: changed." in said
    assert f"Written to {copy}." in said
    assert b"glasspaint style" not in copy.read_bytes()
    assert b"glasspaint style" in file.read_bytes()
    assert main(["scrub", str(copy), "--dry-run"]) == 0
    assert "Nothing in it is private." in capsys.readouterr().out


def test_it_overwrites_only_what_was_named(file, capsys):
    copy = file.with_name("a.clean.safetensors")
    copy.write_bytes(b"mine")
    assert main(["scrub", str(file)]) == 2
    assert copy.read_bytes() == b"mine"
    assert main(["scrub", str(file), "-o", str(file)]) == 0
    assert scrub(file, None).clean
    capsys.readouterr()


def test_json_and_a_dry_run(file, capsys):
    before = file.read_bytes()
    assert main(["scrub", str(file), "--dry-run", "--json", "--tags"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["file"], told["output"]) == (str(file), None)
    changes = {change["key"]: change["gone"] for change in told["changes"]}
    assert changes == {"ss_dataset_dirs": False, "ss_tag_frequency": True}
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_what_goes_wrong_is_said(file, tmp_path, capsys):
    assert main(["scrub", str(tmp_path / "none.safetensors")]) == 3
    broken = tmp_path / "b.safetensors"
    broken.write_bytes(file.read_bytes()[:-1])
    assert main(["scrub", str(broken), "--json"]) == 5
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "truncated"
    assert main(["scrub", str(file), "-o", str(tmp_path / "no" / "x.safetensors")]) == 1
    said = capsys.readouterr().err
    assert "can't be read or written" in said
    assert str(tmp_path / "no" / "x.safetensors") in said
    assert ".lorahub-" not in said


def test_the_author_stays_and_that_is_said(file, tmp_path, capsys):
    metadata = {"modelspec.author": "Glassworks", "modelspec.title": "Glass"}
    signed = save(tmp_path / "signed.safetensors", {"lora_unet_x.alpha": np.ones(1)}, metadata)
    assert main(["scrub", str(signed)]) == 0
    said = capsys.readouterr().out
    assert "modelspec.author: kept. It names the author (Glassworks); --author removes it." in said
    assert b"Glassworks" in (tmp_path / "signed.clean.safetensors").read_bytes()
    assert main(["scrub", str(signed), "--author", "--json", "-o", str(tmp_path / "none")]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [change["key"] for change in told["changes"]] == ["modelspec.author"]
    assert told["kept"] == {}
    content = (tmp_path / "none").read_bytes()
    assert b"Glassworks" not in content
    assert b"Glass" in content


def test_a_peft_folder(tmp_path, capsys):
    folder = tmp_path / "mine"
    loras.peft_folder(
        folder, loras.llama_modules(), base_model_name_or_path="/home/alice/models/llama-7b",
        revision=None, auto_mapping={"parent": "/home/alice/code/x.py"}, target_modules=["q_proj"],
    )  # fmt: skip
    (folder / "README.md").write_text("Made by alice in /home/alice.")
    before = (folder / "adapter_config.json").read_bytes()
    weights = (folder / "adapter_model.safetensors").read_bytes()
    assert main(["scrub", str(folder), "--dry-run"]) == 0
    assert "base_model_name_or_path: changed" in capsys.readouterr().out
    assert main(["scrub", str(folder)]) == 0
    assert "Written to" in capsys.readouterr().out
    clean = tmp_path / "mine.clean"
    assert sorted(path.name for path in clean.iterdir()) == [
        "adapter_config.json", "adapter_model.safetensors",
    ]  # fmt: skip
    fields = json.loads((clean / "adapter_config.json").read_text())
    assert fields["base_model_name_or_path"] == "llama-7b"
    assert fields["auto_mapping"] == {"parent": "x.py"}
    assert fields["lora_alpha"] == 8
    assert b"alice" not in (clean / "adapter_config.json").read_bytes()
    assert (clean / "adapter_model.safetensors").read_bytes() == weights
    assert (folder / "adapter_config.json").read_bytes() == before
    assert main(["scrub", str(clean), "--dry-run"]) == 0
    assert "Nothing in it is private." in capsys.readouterr().out
    # The file alone leaves the configuration as it is, and says so.
    file = folder / "adapter_model.safetensors"
    assert main(["scrub", str(file), "--dry-run"]) == 0
    assert "adapter_config.json beside it" in capsys.readouterr().out
    # In place.
    assert main(["scrub", str(folder), "-o", str(folder)]) == 0
    assert scrub(folder, None).clean
    assert (folder / "README.md").is_file()


def test_a_folder_whose_configuration_is_broken_leaves_nothing(tmp_path, capsys):
    folder = tmp_path / "mine"
    loras.peft_folder(folder, loras.llama_modules())
    (folder / "adapter_config.json").write_text("{")
    assert main(["scrub", str(folder)]) == 5
    assert "adapter_config.json can't be used" in capsys.readouterr().err
    assert not (tmp_path / "mine.clean").exists()


def test_names_of_a_hub_stay():
    fields = {"base_model_name_or_path": "meta-llama/Llama-2-7b-hf", "r": 8, "revision": None}
    assert scrub_config(fields) == fields
