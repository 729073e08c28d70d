"""Sends a file of some 70 MB, or thousands of small ones. Arguments: what, the repository."""

import time
from pathlib import Path

from common import ARGS, adapter, api, sha256, tell
from huggingface_hub import hf_hub_download, snapshot_download

what, repo = ARGS
api.create_repo(repo)
began = time.monotonic()
if what == "file":
    Path("w.safetensors").write_bytes(adapter(int(time.time_ns()), width=4_400_000))
    api.upload_file(path_or_fileobj="w.safetensors", path_in_repo="w.safetensors", repo_id=repo)
    api.upload_file(path_or_fileobj="w.safetensors", path_in_repo="again.safetensors", repo_id=repo)
    sent = time.monotonic()
    assert sha256(hf_hub_download(repo, "w.safetensors")) == sha256("w.safetensors")
else:
    for number in range(5000):
        path = Path("many", f"folder {number % 50}", f"file {number}.txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"number {number}")
    api.upload_folder(folder_path="many", repo_id=repo)
    if hasattr(api, "upload_large_folder"):
        Path("more").mkdir()
        Path("more", "more.safetensors").write_bytes(adapter(1, width=100_000))
        api.upload_large_folder(
            repo_id=repo, folder_path="more", repo_type="model", print_report=False
        )
        assert api.file_exists(repo, "more.safetensors")
        api.delete_file("more.safetensors", repo)
    assert len(api.list_repo_files(repo)) == 5001
    assert len(list(api.list_repo_tree(repo, recursive=True))) == 5051
    sent = time.monotonic()
    some = snapshot_download(repo, allow_patterns="folder 7/*", max_workers=2)
    assert len(list(Path(some, "folder 7").iterdir())) == 100
    assert Path(some, "folder 7", "file 4957.txt").read_text() == "number 4957"
tell(sent=sent - began, fetched=time.monotonic() - sent)
