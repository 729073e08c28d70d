"""What of a folder is published, and what is refused before anything is sent."""

import pytest

from lorahub.errors import FileMissing, LorahubError, UsageError, VerificationFailed
from lorahub.transfer.scanning import check_content, check_paths, scan
from support import bad_inputs


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "style"
    root.mkdir()
    return root


def fill(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def paths(found):
    return [file.path for file in found.files]


def test_a_file_under_its_own_name(folder):
    fill(folder, "a b.txt")
    assert paths(scan(folder / "a b.txt")) == ["a b.txt"]


def test_a_folder_without_junk(folder):
    fill(folder, "README.md", "sub/x.txt", ".gitattributes", ".hidden/x")
    fill(folder, ".git/config", "__pycache__/a.pyc", "a.pyc", ".DS_Store", "sub/Thumbs.db")
    fill(folder, ".lorahub-1-2", "x~", "._README.md", ".ipynb_checkpoints/x", ".cache/hf/x")
    found = scan(folder)
    assert paths(found) == [".gitattributes", ".hidden/x", "README.md", "sub/x.txt"]
    assert found.left_out == []


def test_what_trainers_keep_is_left_out_and_said(folder):
    fill(folder, "adapter_config.json", "optimizer.pt", "checkpoint-5/rng_state_0.pth")
    fill(folder, "training_args.bin", "checkpoint-5/x.json")
    found = scan(folder)
    assert paths(found) == ["adapter_config.json", "checkpoint-5/x.json"]
    assert found.left_out == ["checkpoint-5/rng_state_0.pth", "optimizer.pt", "training_args.bin"]


def test_excluding(folder):
    fill(folder, "a.txt", "b.png", "c/d.png", "c/e/f.txt", "checkpoint-5/x", "checkpoint-6/x")
    found = scan(folder, ("*.png", "checkpoint-*", "c/e"))
    assert paths(found) == ["a.txt"]
    assert found.left_out == ["b.png", "c/d.png", "c/e/", "checkpoint-5/", "checkpoint-6/"]


def test_links(folder, tmp_path):
    (tmp_path / "blob").write_bytes(b"data")
    (tmp_path / "other").mkdir()
    (folder / "file").symlink_to(tmp_path / "blob")
    (folder / "folder").symlink_to(tmp_path / "other")
    (folder / "circle").symlink_to(folder)
    (folder / "dangling").symlink_to(tmp_path / "nowhere")
    found = scan(folder)
    assert paths(found) == ["file"]
    assert found.left_out == ["circle", "dangling", "folder"]


def test_nothing_there(folder):
    for source in (folder, folder / "nope"):
        with pytest.raises(FileMissing):
            scan(source)
    fill(folder, ".git/config")
    with pytest.raises(FileMissing, match="no files"):
        scan(folder)


def test_names_are_sent_in_one_form(folder):
    fill(folder, "e\u0301.txt")
    assert paths(scan(folder)) == ["\u00e9.txt"]


@pytest.mark.parametrize("names", [["nul.txt"], ["a\nb"], ["A", "a"], ["x ./y"]])
def test_names_that_the_hub_would_refuse(folder, names):
    fill(folder, *names)
    with pytest.raises(LorahubError):
        check_paths(scan(folder).files)


@pytest.mark.parametrize("bad", bad_inputs.ALL, ids=str)
def test_bad_files_are_refused_with_the_hubs_code(folder, bad):
    place = folder / bad.filename
    place.write_bytes(bad.make())
    with pytest.raises(VerificationFailed) as caught:
        check_content(scan(place).files)
    assert caught.value.code == bad.code
    assert caught.value.message.startswith(f"{bad.filename}: ")


def test_good_files_pass(adapters):
    for folder in (adapters.peft("gpt2"), adapters.peft("llama"), adapters.unet, adapters.both):
        check_content(scan(folder).files)
    check_content(scan(adapters.kohya).files)


def test_deleting_needs_a_folder(folder):
    import lorahub

    fill(folder, "a.txt")
    with pytest.raises(UsageError, match="folder"):
        lorahub.push(folder / "a.txt", "alice/a", delete=True)
