"""Where bases lie on a worker, what names them, and which are refused."""

from pathlib import Path

import pytest

from lorahub_server.insight.bases import service as registry
from lorahub_server.insight.bases.schemas import NewBase
from lorahub_server.insight.bases.tables import BaseModel
from lorahub_worker import bases
from support.client import Client
from support.inside import Inside, adapter


@pytest.fixture(autouse=True)
def _data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LORAHUB_DATA", str(tmp_path / "data"))


@pytest.fixture(autouse=True)
def _online(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


def folder(path: Path, weights: bytes = b"w" * 100) -> Path:
    (path / "unet").mkdir(parents=True)
    (path / "model_index.json").write_text("{}")
    (path / "unet" / "model.safetensors").write_bytes(weights)
    return path


def row(source: str, **more: object) -> BaseModel:
    return BaseModel(**NewBase(id="tiny", family="shapes", source=source, **more).columns())


def test_the_digest_names_contents_not_places(tmp_path: Path) -> None:
    one, two = folder(tmp_path / "one"), folder(tmp_path / "two")
    (two / "notes.md").write_text("no part of the model")
    assert bases.digest(one) == bases.digest(two)
    assert bases.digest(folder(tmp_path / "three", b"v" * 100)) != bases.digest(one)


def test_weights_are_read_once_and_again_when_they_change(tmp_path: Path, monkeypatch) -> None:
    base = folder(tmp_path / "base")
    first = bases.digest(base)
    with monkeypatch.context() as patch:
        # Nothing may be read now.
        patch.setattr(bases.hashlib, "file_digest", None)
        assert bases.digest(base) == first
    (base / "unet" / "model.safetensors").write_bytes(b"changed" * 20)
    assert bases.digest(base) != first


def test_a_folder_without_safetensors_is_no_base(tmp_path: Path) -> None:
    base = folder(tmp_path / "base")
    (base / "unet" / "model.safetensors").rename(base / "unet" / "model.bin")
    with pytest.raises(bases.NoBaseError, match="holds no"):
        bases.place(row(str(base)))
    with pytest.raises(bases.NoBaseError, match="not on this machine"):
        bases.place(row(str(tmp_path / "nowhere")))


def test_a_repository_is_fetched_from_a_hub_without_code_and_pickles(hub, tmp_path: Path) -> None:
    alice = Client(hub.endpoint, hub.add_account("alice").token, tmp_path / "alice")
    base = folder(tmp_path / "base", adapter())
    (base / "README.md").write_text("# A base\n")
    (base / "pipeline.py").write_text("raise SystemExit\n")
    alice.ok("push", base, "alice/base")
    wanted = row(f"{hub.endpoint}/alice/base")
    with pytest.raises(bases.NoBaseError, match="not fetched"):
        bases.place(wanted)
    found = bases.place(wanted, fetch=True)
    assert (found / "unet" / "model.safetensors").read_bytes() == adapter()
    assert not list(found.rglob("*.py"))
    assert bases.digest(found) == bases.digest(base)
    hub.stop()
    assert bases.place(wanted, fetch=True) == found


def test_a_repository_that_is_not_there_is_told(hub, tmp_path: Path) -> None:
    with pytest.raises(bases.NoBaseError, match="could not be fetched"):
        bases.place(row(f"{hub.endpoint}/alice/missing"), fetch=True)


@pytest.mark.parametrize(
    "source", ["relative/path/of/three", "https://host/only-one", "https://a:b@host/x/y", "x y/z"]
)
def test_strange_sources_are_refused(source: str) -> None:
    with pytest.raises(ValueError, match=r"source|address"):
        NewBase(id="tiny", family="shapes", source=source)


def test_what_is_not_on_this_machine_is_absent(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(bases, "_LOOK_EVERY_S", 0.0)
    inside = Inside(f"sqlite:///{tmp_path}/hub.db", f"file://{tmp_path}/objects", tmp_path)
    here = folder(tmp_path / "here")
    with inside.db.write() as session:
        for name, source in (("here", here), ("elsewhere", tmp_path / "elsewhere")):
            registry.add(session, NewBase(id=name, family="shapes", source=str(source)))
        registry.add(session, NewBase(id="later", family="shapes", source="somebody/base"))
    absent = bases.Absent(inside.db)
    assert absent() == {"elsewhere", "later"}
    folder(tmp_path / "elsewhere")
    (here / "unet" / "model.safetensors").unlink()
    assert absent() == {"here", "later"}
    inside.close()
