"""What goes wrong, as exceptions with our sentences. Arguments: alice's repository, a private one.

Runs as bob.
"""

import os
import pickle
from pathlib import Path

from common import ARGS, VERSION, adapter, api, raises, tell
from huggingface_hub import HfApi, hf_hub_download, utils
from huggingface_hub.errors import HfHubHTTPError

repo, private = ARGS
nobody, wrong = HfApi(token=False), HfApi(token="hf_wrong")

for asked in (api, nobody):
    for name in (private, f"{private}-not"):
        error = raises(utils.RepositoryNotFoundError, asked.model_info, name)
        assert error.response.status_code == (404 if asked is api else 401)
        raises(utils.RepositoryNotFoundError, hf_hub_download, name, "x", token=asked.token)
        raises(utils.RepositoryNotFoundError, asked.list_repo_refs, name)
        raises(utils.RepositoryNotFoundError, asked.auth_check, name)
        raises(utils.RepositoryNotFoundError, asked.upload_file, path_or_fileobj=b"1", path_in_repo="x",
               repo_id=name)  # fmt: skip
assert private not in [model.id for model in api.list_models(author="alice")]

error = raises(HfHubHTTPError, wrong.model_info, repo)
assert not isinstance(error, utils.RepositoryNotFoundError)
assert "The token is not valid" in str(error)
assert "Invalid user token" in str(raises(Exception, wrong.whoami))

for call in (
    lambda: api.upload_file(path_or_fileobj=b"1", path_in_repo="x.txt", repo_id=repo),
    lambda: api.upload_file(path_or_fileobj=adapter(9), path_in_repo="x.safetensors", repo_id=repo),
    lambda: api.delete_repo(repo),
    lambda: api.create_branch(repo, branch="x"),
    lambda: api.update_repo_settings(repo, private=True),
    lambda: api.create_repo("alice/mine"),
):
    error = raises(HfHubHTTPError, call)
    assert error.response.status_code == 403
    assert "Only its owner may" in str(error) or "under your own name" in str(error), error
assert api.create_repo(repo, exist_ok=True).repo_id == repo
if VERSION >= (2, 0):
    api.auth_check(repo)
    assert raises(HfHubHTTPError, api.auth_check, repo, write=True).response.status_code == 403
anonymous = raises(
    HfHubHTTPError, nobody.upload_file, path_or_fileobj=b"1", path_in_repo="x", repo_id=repo
)
assert anonymous.response.status_code == 401
assert "This needs an account" in str(anonymous)

mine = "bob/" + repo.split("/")[1]
api.create_repo(mine)
Path("pickle.bin").write_bytes(pickle.dumps({"a": 1}, 2))
for path, data, says in (
    ("x.bin", pickle.dumps({"a": 1}, 2), "This is a pickle"),
    ("x.safetensors", pickle.dumps({"a": 1}, 2), "This is a pickle"),
    ("y.bin", "pickle.bin", "This is a pickle"),
    ("x.safetensors", b"<!DOCTYPE html><html></html>", "This is a web page"),
    ("x.safetensors", adapter(1)[:-1], "The file was cut off"),
    ("x.safetensors", adapter(1) + b"x", "bytes"),
    ("adapter_config.json", b"[]", "is not a JSON object"),
    ("README.md", b"---\na: [\n---\n", "not valid YAML"),
    ("README.md", b"---\nlicense: nonsense\n---\n", '"license" must be one of ['),
    (".gitmodules", b"x", "Submodules"),
    ("..\\x.txt", b"x", "file path"),
):
    error = raises(
        Exception, api.upload_file, path_or_fileobj=data, path_in_repo=path, repo_id=mine
    )
    # Some versions say only where it happened, and why in the cause.
    assert says in f"{error}{error.__cause__}", (path, str(error))
assert api.list_repo_files(mine) == [".gitattributes"]
raises(ValueError, api.upload_file, path_or_fileobj=b"x", path_in_repo="../x", repo_id=mine)
for name in ("bob/a--b", "bob/x.git"):
    raises(Exception, api.create_repo, name)
for bad in ("bob/con", "bob/x.lock"):
    error = raises(HfHubHTTPError, api.create_repo, bad)
    assert error.response.status_code == 400, error
assert (
    raises(HfHubHTTPError, api.create_repo, "bob/data", repo_type="dataset").response.status_code
    == 400
)

# What somebody else has in private is neither confirmed nor handed out.
before = os.environ.get("HF_HUB_DISABLE_XET")
api.upload_file(path_or_fileobj=adapter(77), path_in_repo="w.safetensors", repo_id=mine)
assert api.list_repo_files(mine) == [".gitattributes", "w.safetensors"]
tell(version=VERSION, xet=before)
