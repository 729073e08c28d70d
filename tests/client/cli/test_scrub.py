"""`lorahub scrub` on the command line."""

import json

import pytest

from lorahub.adapters import scrub
from lorahub.cli.main import main


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
    assert "Nothing in the header is private." in capsys.readouterr().out


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
    assert "can't be read or written" in capsys.readouterr().err
