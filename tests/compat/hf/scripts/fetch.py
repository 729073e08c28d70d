"""Downloads in every way there is.

Arguments: the repository, an earlier revision, a branch, the SHA-256 of its weights.

The repository has README.md, weights.safetensors and d/e.txt; the branch has branch.txt as well.
"""

import os
import subprocess
import sys
from pathlib import Path

from common import ARGS, api, content, names, raises, sha256, tell
from huggingface_hub import hf_hub_download, snapshot_download, try_to_load_from_cache, utils
from huggingface_hub.utils import LocalEntryNotFoundError

repo, earlier, branch, weights = ARGS

path = hf_hub_download(repo, "weights.safetensors")
assert sha256(path) == weights
head = api.model_info(repo).sha
assert f"snapshots/{head}/" in Path(path).as_posix()
before = Path(path).stat()
assert hf_hub_download(repo, "weights.safetensors") == path
assert Path(path).stat() == before, "it was not fetched again"
assert content(hf_hub_download(repo, "d/e.txt", revision=head)) == b"new"
assert content(hf_hub_download(repo, "d/e.txt", revision=earlier)) == b"old"
assert content(hf_hub_download(repo, "branch.txt", revision=branch)) == b"branch"
assert content(hf_hub_download(repo, "e.txt", subfolder="d")) == b"new"
forced = hf_hub_download(repo, "weights.safetensors", force_download=True)
assert sha256(forced) == weights

raises(utils.EntryNotFoundError, hf_hub_download, repo, "nothing.txt")
assert "object" in str(try_to_load_from_cache(repo, "nothing.txt")), "that it is missing is kept"
raises(utils.RevisionNotFoundError, hf_hub_download, repo, "README.md", revision="nothing")
raises(utils.RepositoryNotFoundError, hf_hub_download, repo + "-not", "README.md")

whole = snapshot_download(repo)
assert names(whole) == [".gitattributes", "README.md", "d/e.txt", "weights.safetensors"]
some = snapshot_download(repo, revision=branch, allow_patterns=["*.txt"], ignore_patterns="d/*",
                         cache_dir="other")  # fmt: skip
assert names(some) == ["branch.txt"]
old = snapshot_download(repo, revision=earlier)
assert content(Path(old, "d/e.txt")) == b"old"

local = Path("here")
assert Path(snapshot_download(repo, local_dir=local)) == local.resolve()
assert names(local) == [".gitattributes", "README.md", "d/e.txt", "weights.safetensors"]
times = {name: (local / name).stat().st_mtime_ns for name in names(local)}
snapshot_download(repo, local_dir=local)
assert {name: (local / name).stat().st_mtime_ns for name in names(local)} == times
(local / "d/e.txt").unlink()
snapshot_download(repo, local_dir=local)
assert content(local / "d/e.txt") == b"new"
Path("bare").mkdir()
Path("bare/weights.safetensors").write_bytes(Path(path).read_bytes())
assert sha256(hf_hub_download(repo, "weights.safetensors", local_dir="bare")) == weights

offline = """
import sys
from huggingface_hub import hf_hub_download, snapshot_download
repo, path, whole = sys.argv[1:]
assert hf_hub_download(repo, "weights.safetensors") == path
assert snapshot_download(repo) == whole
"""
env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_ENDPOINT": "http://127.0.0.1:9"}
subprocess.run([sys.executable, "-c", offline, repo, path, whole], env=env, check=True)
del env["HF_HUB_OFFLINE"]
# A hub that is away is no reason to have nothing.
subprocess.run([sys.executable, "-c", offline, repo, path, whole], env=env, check=True)
raises(
    LocalEntryNotFoundError,
    hf_hub_download,
    repo,
    "README.md",
    local_files_only=True,
    cache_dir="none",
)
tell(head=head)
