"""Publishes in every way there is. Arguments: the repository."""

import io
from pathlib import Path

from common import ARGS, SMALL, VERSION, adapter, api, raises, tell
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    hf_hub_download,
    utils,
)

(repo,) = ARGS


def files():
    return sorted(api.list_repo_files(repo))


def of(path, **more):
    return Path(hf_hub_download(repo, path, **more)).read_bytes()


assert api.whoami()["name"] == "alice"
url = api.create_repo(repo)
assert (url.repo_id, url.namespace, url.repo_name, url.repo_type) == (
    repo,
    *repo.split("/"),
    "model",
)
assert api.create_repo(repo, exist_ok=True).repo_id == repo
again = raises(utils.HfHubHTTPError, api.create_repo, repo)
assert again.response.status_code == 409
assert "already" in str(again)
bare = repo.split("/")[1] + "-x"
assert api.create_repo(bare, private=True).repo_id == f"alice/{bare}"
assert api.model_info(f"alice/{bare}").private
assert [commit.title for commit in api.list_repo_commits(repo)] == ["initial commit"]
start = files()
assert start == [".gitattributes"]

# One file: from memory, from a path, from an open file.
made = api.upload_file(
    path_or_fileobj=b"hello", path_in_repo="a b/c (1)/hello #1%2F&+~é.txt", repo_id=repo
)
assert of("a b/c (1)/hello #1%2F&+~é.txt") == b"hello"
large = adapter(1, width=200_000)
Path("large.safetensors").write_bytes(large)
made = api.upload_file(
    path_or_fileobj="large.safetensors", path_in_repo="large.safetensors", repo_id=repo,
    commit_message="Large", commit_description="Very",
)  # fmt: skip
assert made.commit_url.endswith(f"/{repo}/commit/{made.oid}")
assert of("large.safetensors") == large
api.upload_file(path_or_fileobj=adapter(2), path_in_repo="d/memory.safetensors", repo_id=repo)
with Path("large.safetensors").open("rb") as file:
    api.upload_file(path_or_fileobj=file, path_in_repo="d/open.safetensors", repo_id=repo)
api.upload_file(
    path_or_fileobj=io.BytesIO(adapter(3)), path_in_repo="d/io.safetensors", repo_id=repo
)
assert of("d/memory.safetensors") == adapter(2)
assert of("d/open.safetensors") == large
assert of("d/io.safetensors") == adapter(3)

# Nothing changed, nothing new.
before = api.model_info(repo).sha
same = api.upload_file(
    path_or_fileobj="large.safetensors", path_in_repo="large.safetensors", repo_id=repo
)
assert api.model_info(repo).sha == same.oid == before

# A folder: empty files, sizes about the threshold, patterns, rules of its own.
folder = Path("folder")
(folder / "sub").mkdir(parents=True)
wanted = {
    "empty.txt": b"",
    "sub/below.txt": b"x" * (SMALL - 1),
    "sub/at.txt": b"x" * SMALL,
    "sub/above.txt": b"x" * (SMALL + 1),
    "binary.dat": bytes(range(256)),
    "adapter_config.json": b"{}",
    "adapter_model.safetensors": adapter(4),
    "README.md": b"---\nlicense: mit\nbase_model: some/base\ntags: [style]\n---\n# T\n",
}
for path, data in wanted.items():
    (folder / path).write_bytes(data)
(folder / "left.out").write_bytes(b"x")
(folder / "also.log").write_bytes(b"x")
api.upload_file(path_or_fileobj=b"*.log\n", path_in_repo=".gitignore", repo_id=repo)
api.upload_folder(
    repo_id=repo, folder_path=folder, path_in_repo="f", ignore_patterns=["*.out"],
    commit_message="A folder",
)  # fmt: skip
assert {path.removeprefix("f/") for path in files() if path.startswith("f/")} == set(wanted)
for path, data in wanted.items():
    assert of(f"f/{path}") == data, path
info = {
    sibling.rfilename: sibling for sibling in api.model_info(repo, files_metadata=True).siblings
}
assert info["f/sub/at.txt"].lfs is None
assert info["f/sub/above.txt"].lfs is not None
assert info["f/sub/above.txt"].size == SMALL + 1
api.upload_folder(repo_id=repo, folder_path=folder / "sub", path_in_repo="f/sub", delete_patterns="*at.txt",
                  allow_patterns="below.txt")  # fmt: skip
assert "f/sub/at.txt" not in files()

# All operations at once.
head = api.model_info(repo).sha
made = api.create_commit(
    repo,
    [
        CommitOperationAdd("n/new.txt", b"new"),
        CommitOperationAdd("n/new.safetensors", adapter(5)),
        CommitOperationAdd("large.safetensors", adapter(6)),
        CommitOperationDelete("d/io.safetensors"),
        CommitOperationDelete("f/"),
        CommitOperationCopy("d/open.safetensors", "n/copy.safetensors"),
        CommitOperationCopy("large.safetensors", "n/old.safetensors", src_revision=head),
        CommitOperationCopy(".gitignore", "n/ignored"),
    ],
    commit_message="All",
    commit_description="Of it\n\nand more",
    parent_commit=head,
)
assert files() == sorted([
    ".gitattributes", ".gitignore", "a b/c (1)/hello #1%2F&+~é.txt", "d/memory.safetensors",
    "d/open.safetensors", "large.safetensors", "n/copy.safetensors", "n/ignored", "n/new.safetensors",
    "n/new.txt", "n/old.safetensors",
])  # fmt: skip
assert of("n/copy.safetensors") == of("n/old.safetensors") == large
assert of("large.safetensors") == adapter(6)
assert of("large.safetensors", revision=head) == large
last = api.list_repo_commits(repo)[0]
assert (last.commit_id, last.title, last.message) == (made.oid, "All", "Of it\n\nand more")
stale = raises(
    utils.HfHubHTTPError, api.create_commit, repo, [CommitOperationAdd("x", b"1")],
    commit_message="Stale", parent_commit=head,
)  # fmt: skip
assert stale.response.status_code == 412
assert "The branch was updated since you opened this page" in str(stale)

api.delete_file("n/new.txt", repo)
api.delete_folder("n", repo)
assert not [path for path in files() if path.startswith("n/")]
missing = raises(utils.EntryNotFoundError, api.delete_file, "nothing.txt", repo)
assert "A file with this name doesn't exist" in str(missing)
tell(version=VERSION, files=files())
