"""Reads a repository of another hub by way of this one, with a token that only this one knows.

Arguments: the repository, its large file, that file's SHA-256, and how many commits it has.
"""

from common import ARGS, api, content, names, raises, sha256, tell
from huggingface_hub import HfFileSystem, hf_hub_download, snapshot_download
from huggingface_hub.utils import (
    EntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

repo, large, digest, commits = ARGS
info = api.model_info(repo)
paths = sorted(sibling.rfilename for sibling in info.siblings)
assert large in paths
assert api.list_repo_files(repo) == paths
entries = {entry.path: entry for entry in api.list_repo_tree(repo, recursive=True)}
assert entries[large].lfs.sha256 == digest
assert api.get_paths_info(repo, [large, "no"])[0].lfs.sha256 == digest
assert api.list_repo_refs(repo).branches[0].target_commit == info.sha
# More than one page of them.
assert len(api.list_repo_commits(repo)) == int(commits) > 50
assert api.repo_exists(repo)
assert api.revision_exists(repo, "main")
assert not api.revision_exists(repo, "no")
assert api.file_exists(repo, "README.md")
assert not api.file_exists(repo, "no.txt")

path = hf_hub_download(repo, large)
assert info.sha in path
assert sha256(path) == digest
assert content(hf_hub_download(repo, "deep/a b%.txt")) == b"deep"
folder = snapshot_download(repo)
assert names(folder) == paths
assert sha256(f"{folder}/{large}") == digest
assert names(snapshot_download(repo, local_dir="here", allow_patterns="*.md")) == ["README.md"]
with HfFileSystem().open(f"{repo}/{large}", "rb", block_size=1000) as file:
    file.seek(5000)
    assert file.read(10) == content(path)[5000:5010]

raises(EntryNotFoundError, hf_hub_download, repo, "no.txt")
raises(RevisionNotFoundError, hf_hub_download, repo, "README.md", revision="no")
missing = f"{repo}-not"
raises(RepositoryNotFoundError, api.model_info, missing)
raises(RepositoryNotFoundError, hf_hub_download, missing, "README.md")
raises(RepositoryNotFoundError, snapshot_download, missing)
# Nothing is written there.
raises(RepositoryNotFoundError, api.create_branch, repo, branch="x")
raises(RepositoryNotFoundError, api.delete_repo, repo)
tell(sha=info.sha)
