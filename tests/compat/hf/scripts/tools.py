"""The client's other ways: a file system, cards. Arguments: the repository."""

from pathlib import Path

from common import ARGS, VERSION, adapter, api, raises, tell
from huggingface_hub import HfFileSystem, ModelCard, ModelCardData, metadata_load, metadata_update

(repo,) = ARGS
api.create_repo(repo)
api.upload_file(path_or_fileobj=adapter(1), path_in_repo="d/w.safetensors", repo_id=repo)

fs = HfFileSystem()
assert sorted(fs.ls(repo, detail=False)) == [f"{repo}/.gitattributes", f"{repo}/d"]
assert fs.info(f"{repo}/d/w.safetensors")["size"] == len(adapter(1))
assert fs.glob(f"{repo}/**/*.safetensors") == [f"{repo}/d/w.safetensors"]
assert fs.exists(f"{repo}/d")
assert not fs.exists(f"{repo}/nothing")
with fs.open(f"{repo}/d/w.safetensors", "rb") as file:
    file.seek(10)
    assert file.read(20) == adapter(1)[10:30]
with fs.open(f"{repo}/notes.txt", "w") as file:
    file.write("written")
assert fs.read_text(f"{repo}/notes.txt") == "written"
fs.cp_file(f"{repo}/d/w.safetensors", f"{repo}/copy.safetensors")
fs.mv(f"{repo}/notes.txt", f"{repo}/moved.txt")
fs.invalidate_cache()
assert fs.read_bytes(f"{repo}/copy.safetensors") == adapter(1)
fs.rm(f"{repo}/d", recursive=True)
fs.invalidate_cache()
assert sorted(fs.find(repo)) == [
    f"{repo}/.gitattributes", f"{repo}/copy.safetensors", f"{repo}/moved.txt",
]  # fmt: skip
assert fs.modified(f"{repo}/moved.txt").year >= 2024
raises(FileNotFoundError, fs.ls, f"{repo}/nothing")

data = ModelCardData(license="mit", base_model="some/base", tags=["style"])
card = ModelCard(f"---\n{data.to_yaml()}\n---\n# Mine\n")
Path("README.md").write_text(str(card))
api.upload_file(path_or_fileobj="README.md", path_in_repo="README.md", repo_id=repo)
loaded = ModelCard.load(repo)
assert loaded.data.license == "mit"
assert metadata_load("README.md")["base_model"] == "some/base"
if VERSION >= (2, 0):
    # Older versions ask huggingface.co itself whether a card will do.
    metadata_update(repo, {"tags": ["style", "other"]}, overwrite=True)
    assert ModelCard.load(repo, ignore_metadata_errors=False).data.tags == ["style", "other"]
    loaded.data.license = "apache-2.0"
    loaded.push_to_hub(repo)
    assert api.model_info(repo).card_data.license == "apache-2.0"
tell()
