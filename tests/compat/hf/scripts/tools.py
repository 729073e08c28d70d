"""The client's further ways: headers, cards, work in the background. Arguments: the repository."""

import time
from pathlib import Path

from common import ARGS, VERSION, adapter, api, raises, sha256, tell
from huggingface_hub import (
    CommitOperationAdd,
    CommitScheduler,
    ModelCard,
    ModelCardData,
    get_hf_file_metadata,
    hf_hub_download,
    hf_hub_url,
    metadata_load,
    metadata_update,
    snapshot_download,
)
from huggingface_hub.errors import NotASafetensorsRepoError

(repo,) = ARGS
api.create_repo(repo)
api.upload_file(path_or_fileobj=adapter(1), path_in_repo="d/w.safetensors", repo_id=repo)

# The headers of weights, without the weights.
raises(NotASafetensorsRepoError, api.get_safetensors_metadata, repo)
header = api.parse_safetensors_file_metadata(repo, "d/w.safetensors")
assert header.parameter_count == {"F32": 32}
assert header.metadata == {"seed": "1"}
api.upload_file(path_or_fileobj=adapter(2), path_in_repo="model.safetensors", repo_id=repo)
whole = api.get_safetensors_metadata(repo)
assert (whole.sharded, whole.parameter_count) == (False, {"F32": 32})
assert sorted(whole.files_metadata) == ["model.safetensors"]

# What a file is, before it is fetched.
told = get_hf_file_metadata(hf_hub_url(repo, "d/w.safetensors"))
assert (told.size, told.commit_hash) == (len(adapter(1)), api.model_info(repo).sha)
assert len(told.etag) == 64

# Large files sent ahead of their commit.
ahead = CommitOperationAdd("ahead.safetensors", adapter(3))
api.preupload_lfs_files(repo, [ahead])
assert not api.file_exists(repo, "ahead.safetensors")
api.create_commit(repo, [ahead], commit_message="Ahead")
assert api.file_exists(repo, "ahead.safetensors")
api.delete_files(repo, ["*.safetensors"])
assert api.list_repo_files(repo) == [".gitattributes"]

# In the background, in order.
made = [
    api.run_as_future(
        api.upload_file, path_or_fileobj=b"%d" % n, path_in_repo="n.txt", repo_id=repo
    )
    for n in range(3)
]
assert len({one.result().oid for one in made}) == 3
assert Path(hf_hub_download(repo, "n.txt")).read_bytes() == b"2"
Path("logs").mkdir()
scheduler = CommitScheduler(repo_id=repo, folder_path="logs", path_in_repo="logs", every=60)
with scheduler.lock:
    Path("logs", "one.txt").write_text("one")
scheduler.trigger().result()
assert api.file_exists(repo, "logs/one.txt")
scheduler.stop()

if VERSION >= (1, 0):
    snapshot_download(repo)
    checked = api.verify_repo_checksums(repo)
    assert (checked.checked_count, list(checked.mismatches)) == (3, [])
    plan = snapshot_download(repo, dry_run=True)
    assert [one.will_download for one in plan] == [False] * 3

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
tell(sha256=sha256("README.md"), took=time.process_time())
