"""Where each tool finds its adapters."""

import json

import pytest

from lorahub.errors import FileMissing, LorahubError, UsageError
from lorahub.models import AdapterFacts, Manifest, RemoteFile
from lorahub.transfer import sidecars
from lorahub.transfer.layout import Wish, lay_out
from lorahub.transfer.tools import TOOLS, adapters_folder

REVISION = "0123456789abcdef0123456789abcdef01234567"
PAGE = "http://hub.example/alice/style"
pytestmark = pytest.mark.usefixtures("own_place")


def manifest(*names, adapters=None, words=("glasspaint",), family="sdxl", repo="alice/style"):
    files = [RemoteFile(name, 10, f"{number:064x}") for number, name in enumerate(names)]
    known = [name for name in names if name.endswith(".safetensors")]
    facts = [
        AdapterFacts(name, family=family) for name in (known if adapters is None else adapters)
    ]
    return Manifest(repo, REVISION, files, facts, words)


def places(wish, found):
    layout = lay_out(wish, found, PAGE, "A style.")
    return {str(place.target): place.file and place.file.path for place in layout.places}


def made(own_place, folder):
    (own_place / folder).mkdir(parents=True)
    return own_place


PACK = ("README.md", "one.safetensors", "sub/two.safetensors", "style-three.safetensors")
ALONE = (".gitattributes", "README.md", "pytorch_lora_weights.safetensors", "images/a.png")


def test_without_a_wish_all_lands_in_a_folder_of_its_name():
    assert places(Wish(), manifest(*ALONE)) == {
        f"style/{name}": name for name in ALONE if name != ".gitattributes"
    }


def test_a_folder_takes_the_files_as_they_are(tmp_path):
    assert places(Wish(to=tmp_path), manifest("a", "b/c")) == {
        f"{tmp_path}/a": "a",
        f"{tmp_path}/b/c": "b/c",
    }
    assert list(places(Wish(to=str(tmp_path), name="x"), manifest("a"))) == [f"{tmp_path}/x/a"]


def test_a_folder_called_like_a_tool():
    assert list(places(Wish(to="./peft"), manifest("a"))) == ["peft/a"]


def test_files_by_name_and_pattern():
    found = manifest(*PACK, ".gitattributes")
    assert list(places(Wish(files=("README.md",)), found).values()) == ["README.md"]
    assert list(places(Wish(files=("sub/*",)), found).values()) == ["sub/two.safetensors"]
    assert len(places(Wish(files=("*.safetensors",)), found)) == 3
    assert len(places(Wish(files=("two.*", "*.safetensors")), found)) == 3
    assert list(places(Wish(files=(".gitattributes",)), found).values()) == [".gitattributes"]
    with pytest.raises(FileMissing, match=r"README\.md"):
        places(Wish(files=("readme",)), found)


@pytest.mark.parametrize(
    ("tool", "folder"),
    [("comfyui", "models/loras"), ("a1111", "models/Lora"), ("forge", "models/Lora")],
)
def test_one_adapter_is_called_like_its_repository(own_place, tool, folder):
    root = made(own_place, f"tool/{folder}") / "tool"
    found = places(Wish(to=tool, root=root), manifest(*ALONE))
    weights = "pytorch_lora_weights.safetensors"
    expected = {f"{root}/{folder}/style.safetensors": weights}
    expected |= {f"{root}/{folder}/style.png": "images/a.png"}
    if tool != "comfyui":
        expected |= {f"{root}/{folder}/style.json": None}
    assert found == expected
    named = places(Wish(to=tool.upper(), root=root, name="Mine"), manifest(*ALONE))
    assert f"{root}/{folder}/Mine.safetensors" in named


def test_a_pack_keeps_its_names_apart(own_place):
    root = made(own_place, "ComfyUI/models/loras") / "ComfyUI"
    names = {
        path.rsplit("/", 1)[1] for path in places(Wish(to="comfyui", root=root), manifest(*PACK))
    }
    assert names == {
        "style-one.safetensors",
        "style-sub-two.safetensors",
        "style-three.safetensors",
    }
    with pytest.raises(UsageError, match="--file"):
        places(Wish(to="comfyui", root=root, name="x"), manifest(*PACK))
    one = Wish(to="comfyui", root=root, name="x", files=("one.*",))
    assert list(places(one, manifest(*PACK)).values()) == ["one.safetensors"]


def test_a_name_does_not_depend_on_what_else_is_fetched(own_place):
    made(own_place, "models/loras")
    some = places(Wish(to="comfyui", files=("one.*",)), manifest(*PACK))
    assert list(some) == ["models/loras/style-one.safetensors"]


def test_names_that_would_fall_together_are_refused(own_place):
    root = made(own_place, "models/loras")
    with pytest.raises(LorahubError, match="one file"):
        places(Wish(to="comfyui", root=root), manifest("a/b.safetensors", "a-b.safetensors"))


def test_what_the_hub_did_not_recognise_goes_by_its_ending(own_place):
    root = made(own_place, "models/loras")
    assert places(Wish(to="comfyui", root=root), manifest("x.safetensors", adapters=()))
    with pytest.raises(FileMissing, match="no adapter"):
        places(Wish(to="comfyui", root=root), manifest("README.md"))


@pytest.mark.parametrize("tool", ["diffusers", "peft"])
def test_libraries_get_the_folder(own_place, tool):
    (own_place / "models").mkdir()
    found = manifest("adapter_config.json", "adapter_model.safetensors")
    assert list(places(Wish(to=tool), found)) == [
        "style/adapter_config.json",
        "style/adapter_model.safetensors",
    ]
    assert (
        next(iter(places(Wish(to=tool, root="models"), found)))
        == "models/style/adapter_config.json"
    )


def test_the_tools_folder_is_found(own_place, monkeypatch):
    comfy = TOOLS["comfyui"]
    with pytest.raises(UsageError, match="COMFYUI_PATH"):
        adapters_folder(comfy)
    home = own_place.parent / "own-home"
    (home / "ComfyUI" / "models" / "loras").mkdir(parents=True)
    assert adapters_folder(comfy) == home / "ComfyUI" / "models" / "loras"
    (own_place / "ComfyUI" / "models" / "loras").mkdir(parents=True)
    assert adapters_folder(comfy).resolve() == own_place / "ComfyUI" / "models" / "loras"
    (own_place / "models" / "loras").mkdir(parents=True)
    assert adapters_folder(comfy).resolve() == own_place / "models" / "loras"
    (own_place / "env" / "models").mkdir(parents=True)
    monkeypatch.setenv("COMFYUI_PATH", str(own_place / "env"))
    assert adapters_folder(comfy) == own_place / "env" / "models" / "loras"
    assert adapters_folder(comfy, own_place / "ComfyUI" / "models" / "loras").name == "loras"


def test_a_wrong_folder_is_said(own_place, monkeypatch):
    with pytest.raises(LorahubError, match="no folder models"):
        adapters_folder(TOOLS["a1111"], own_place)
    with pytest.raises(LorahubError, match="not a folder"):
        adapters_folder(TOOLS["forge"], own_place / "nowhere")
    monkeypatch.setenv("FORGE_PATH", str(own_place))
    with pytest.raises(LorahubError, match="FORGE_PATH"):
        adapters_folder(TOOLS["forge"])
    with pytest.raises(UsageError, match="--to"):
        places(Wish(root="x"), manifest("a"))


def test_a_file_in_the_way_of_the_folder(own_place):
    (own_place / "style").write_text("mine")
    with pytest.raises(UsageError, match="is a file"):
        places(Wish(), manifest("a"))


@pytest.mark.parametrize("name", ["../x", "a/b", ".", "", "x" * 97, "-rf", "a b"])
def test_another_name_is_a_plain_one(name):
    with pytest.raises(UsageError):
        places(Wish(name=name), manifest("a"))


def test_settings_as_the_tools_write_them():
    told = json.loads(
        sidecars.settings(manifest("a", words=("a", "b c")), "sdxl", PAGE, "A style.")
    )
    assert told == {
        "description": "A style.",
        "sd version": "SDXL",
        "activation text": "a, b c",
        "preferred weight": 0,
        "negative text": "",
        "notes": f"{PAGE} ({REVISION[:12]})",
    }
    assert "sd version" not in json.loads(sidecars.settings(manifest("a"), "wan", PAGE))


@pytest.mark.parametrize(
    ("pictures", "alone", "cover"),
    [
        (["images/x.png", "one.png"], False, "one.png"),
        (["ONE.preview.JPG", "cover.png"], False, "ONE.preview.JPG"),
        (["images/x.png", "cover.webp"], False, "cover.webp"),
        (["a/cover.png", "preview.png"], False, "a/cover.png"),
        (["b.png", "a.png"], True, "a.png"),
        (["b.png", "a.png"], False, None),
        ([], True, None),
        (["notes.txt"], True, None),
    ],
)
def test_which_picture_shows_an_adapter(pictures, alone, cover):
    found = sidecars.cover_of("one.safetensors", manifest(*pictures), alone=alone)
    assert (found and found.path) == cover


def test_the_hub_knows_the_cover():
    found = manifest("b.png", "a.png", "cover.png")._replace(cover="b.png")
    cover = sidecars.cover_of("one.safetensors", found, alone=False)
    assert cover is not None
    assert cover.path == "b.png"
    gone = found._replace(cover="../evil.png")
    cover = sidecars.cover_of("one.safetensors", gone, alone=False)
    assert cover is not None
    assert cover.path == "cover.png"
