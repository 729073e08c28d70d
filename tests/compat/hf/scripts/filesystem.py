"""The hub as a file system. Arguments: the repository."""

from pathlib import Path

from common import ARGS, VERSION, adapter, api, content, raises, tell
from huggingface_hub import HfFileSystem, HfFileSystemFile
from huggingface_hub.errors import EntryNotFoundError

(repo,) = ARGS
api.create_repo(repo)
first = api.upload_file(path_or_fileobj=b"old", path_in_repo="a b/é.txt", repo_id=repo).oid
api.upload_file(path_or_fileobj=b"new", path_in_repo="a b/é.txt", repo_id=repo)
api.upload_file(path_or_fileobj=adapter(1), path_in_repo="d/w.safetensors", repo_id=repo)
api.create_branch(repo, branch="side/x", revision=first)
head = api.model_info(repo).sha
fs = HfFileSystem()


def there(path, **more):
    """What is below a path, by its own name."""
    return sorted(found.removeprefix(repo) for found in fs.find(path, **more))


# Looking.
assert sorted(fs.ls(repo, detail=False)) == [f"{repo}/.gitattributes", f"{repo}/a b", f"{repo}/d"]
assert fs.ls(f"hf://{repo}/d", detail=False) == [f"{repo}/d/w.safetensors"]
entry = fs.info(f"{repo}/d/w.safetensors")
assert (entry["type"], entry["size"]) == ("file", len(adapter(1)))
assert entry["lfs"]["size"] == len(adapter(1))
assert len(entry["lfs"]["sha256"]) == 64
assert fs.info(f"{repo}/d")["type"] == fs.info(repo)["type"] == "directory"
detailed = {item["name"]: item for item in fs.ls(f"{repo}/d", refresh=True, expand_info=True)}
assert detailed[f"{repo}/d/w.safetensors"]["last_commit"].oid == head
assert fs.glob(f"{repo}/**/*.safetensors") == [f"{repo}/d/w.safetensors"]
assert fs.glob(f"{repo}/a*/*.txt") == [f"{repo}/a b/é.txt"]
assert there(repo) == ["/.gitattributes", "/a b/é.txt", "/d/w.safetensors"]
assert "/d" in there(repo, withdirs=True)
assert [len(files) for _, _, files in fs.walk(repo)] == [1, 1, 1]
assert fs.du(f"{repo}/d") == len(adapter(1))
assert fs.exists(f"{repo}/d")
assert fs.isdir(f"{repo}/d")
assert fs.isfile(f"{repo}/a b/é.txt")
for nothing in (f"{repo}/nothing", f"{repo}-not/x", f"{repo}@nothing/d"):
    assert not fs.exists(nothing)
    raises(FileNotFoundError, fs.info, nothing)
raises(FileNotFoundError, fs.ls, f"{repo}/nothing")
assert fs.modified(f"{repo}/a b/é.txt").year >= 2024

# Reading, also what was and what is elsewhere.
with fs.open(f"{repo}/d/w.safetensors", "rb") as file:
    assert isinstance(file, HfFileSystemFile)
    file.seek(10)
    assert file.read(20) == adapter(1)[10:30]
    file.seek(-7, 2)
    assert file.read() == adapter(1)[-7:]
assert fs.cat_file(f"{repo}/d/w.safetensors", start=3, end=9) == adapter(1)[3:9]
assert fs.read_text(f"{repo}/a b/é.txt") == "new"
assert fs.read_text(f"{repo}@{first}/a b/é.txt") == "old"
assert fs.read_text(f"{repo}/a b/é.txt", revision=first) == "old"
assert fs.read_text(f"{repo}@side%2Fx/a b/é.txt") == "old"
assert not fs.exists(f"{repo}@{first}/d")
assert fs.url(f"{repo}/a b/é.txt").endswith(f"/{repo}/resolve/main/a%20b/%C3%A9.txt")
fs.get(f"{repo}/d", "got", recursive=True)
assert content("got/w.safetensors") == adapter(1)

# Writing.
with fs.open(f"{repo}/notes.txt", "w") as file:
    file.write("written")
assert fs.read_text(f"{repo}/notes.txt") == "written"
fs.write_text(f"{repo}@side%2Fx/s.txt", "aside")
assert fs.read_text(f"{repo}@side%2Fx/s.txt") == "aside"
assert not fs.exists(f"{repo}/s.txt")
fs.cp_file(f"{repo}/d/w.safetensors", f"{repo}/copy.safetensors")
fs.cp_file(f"{repo}/notes.txt", f"{repo}/n/copy.txt")
fs.mv(f"{repo}/notes.txt", f"{repo}/moved.txt")
Path("sent.txt").write_text("sent")
fs.put_file("sent.txt", f"{repo}/sent.txt")
fs.invalidate_cache()
assert fs.read_bytes(f"{repo}/copy.safetensors") == adapter(1)
assert fs.read_text(f"{repo}/n/copy.txt") == "written"
fs.rm(f"{repo}/d", recursive=True)
fs.rm(f"{repo}/sent.txt")
fs.invalidate_cache()
assert there(repo) == [
    "/.gitattributes", "/a b/é.txt", "/copy.safetensors", "/moved.txt", "/n/copy.txt",
]  # fmt: skip
raises((FileNotFoundError, EntryNotFoundError), fs.rm, f"{repo}/nothing")
raises((PermissionError, OSError), HfFileSystem(token=False).write_text, f"{repo}/x.txt", "x")
tell(version=VERSION)
