"""Branches, tags, visibility, names, the end. Arguments: the repository."""

from common import ARGS, adapter, api, content, raises, tell
from huggingface_hub import hf_hub_download, snapshot_download, utils

(repo,) = ARGS
api.create_repo(repo)
first = api.upload_file(path_or_fileobj=b"1", path_in_repo="n.txt", repo_id=repo).oid
second = api.upload_file(path_or_fileobj=b"2", path_in_repo="n.txt", repo_id=repo).oid

api.create_branch(repo, branch="feature/x")
api.create_branch(repo, branch="feature/x", exist_ok=True)
api.create_branch(repo, branch="old", revision=first)
there = raises(utils.HfHubHTTPError, api.create_branch, repo, branch="old")
assert there.response.status_code == 409
api.create_tag(repo, tag="v1", revision=first, tag_message="One")
api.create_tag(repo, tag="v2", revision="feature/x")
api.create_tag(repo, tag="v2", exist_ok=True)
assert raises(utils.HfHubHTTPError, api.create_tag, repo, tag="v2").response.status_code == 409
raises(utils.RevisionNotFoundError, api.create_tag, repo, tag="v3", revision="nothing")
refs = api.list_repo_refs(repo, include_pull_requests=True)
assert {ref.name: ref.target_commit for ref in refs.branches} == {
    "main": second,
    "feature/x": second,
    "old": first,
}
assert {(ref.name, ref.ref, ref.target_commit) for ref in refs.tags} == {
    ("v1", "refs/tags/v1", first), ("v2", "refs/tags/v2", second),
}  # fmt: skip
assert refs.pull_requests == []
made = api.upload_file(
    path_or_fileobj=b"3", path_in_repo="n.txt", repo_id=repo, revision="feature/x"
)
for revision, data in {"main": b"2", "feature/x": b"3", "old": b"1", "v1": b"1", "v2": b"2", made.oid: b"3",
                       first[:7]: b"1"}.items():  # fmt: skip
    assert content(hf_hub_download(repo, "n.txt", revision=revision)) == data, revision
assert api.model_info(repo, revision="feature/x").sha == made.oid
missing = raises(utils.RevisionNotFoundError, api.upload_file, path_or_fileobj=b"1", path_in_repo="x",
                 repo_id=repo, revision="nothing")  # fmt: skip
api.delete_branch(repo, branch="feature/x")
api.delete_tag(repo, tag="v1")
raises(utils.RevisionNotFoundError, api.delete_tag, repo, tag="v1")
raises(utils.HfHubHTTPError, api.delete_branch, repo, branch="feature/x")
assert "Cannot delete refs/heads/main" in str(
    raises(utils.HfHubHTTPError, api.delete_branch, repo, branch="main")
)
assert not api.revision_exists(repo, "feature/x")

api.super_squash_history(repo, commit_message="One for all")
assert [commit.title for commit in api.list_repo_commits(repo)] == ["One for all"]
assert len(api.list_repo_commits(repo, revision="v2")) == 3

api.update_repo_settings(repo, private=True)
raises(utils.RepositoryNotFoundError, api.model_info, repo, token=False)
raises(utils.RepositoryNotFoundError, hf_hub_download, repo, "n.txt", token=False, cache_dir="none")
assert api.model_info(repo).private
assert content(hf_hub_download(repo, "n.txt", cache_dir="mine")) == b"2"
api.update_repo_settings(repo, private=False)
assert not api.model_info(repo, token=False).private

moved = f"{repo}-moved"
api.upload_file(path_or_fileobj=adapter(1), path_in_repo="w.safetensors", repo_id=repo)
api.move_repo(repo, moved)
assert api.model_info(repo).id == moved
assert content(hf_hub_download(repo, "w.safetensors", cache_dir="moved")) == adapter(1)
assert snapshot_download(repo, cache_dir="moved")
api.upload_file(path_or_fileobj=adapter(2), path_in_repo="w.safetensors", repo_id=repo)
assert content(hf_hub_download(moved, "w.safetensors", cache_dir="moved")) == adapter(2)
raises(utils.HfHubHTTPError, api.move_repo, moved, "bob/theirs")
api.move_repo(moved, repo)
assert api.model_info(moved).id == repo

api.delete_repo(repo)
assert not api.repo_exists(repo)
raises(utils.RepositoryNotFoundError, api.delete_repo, repo)
api.delete_repo(repo, missing_ok=True)
raises(utils.RepositoryNotFoundError, hf_hub_download, repo, "n.txt", cache_dir="none")
used = raises(utils.HfHubHTTPError, api.create_repo, repo, exist_ok=True)
assert "deleted or renamed" in str(used)
tell()
