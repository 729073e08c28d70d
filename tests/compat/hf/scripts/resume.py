"""Sends a folder of several large files and some small ones. Arguments: the repository."""

from pathlib import Path

from common import ARGS, adapter, api, content, sha256, tell
from huggingface_hub import snapshot_download

(repo,) = ARGS
folder = Path("many")
folder.mkdir(exist_ok=True)
for number in range(6):
    path = folder / f"{number}.safetensors"
    if not path.exists():
        path.write_bytes(adapter(f"{repo} {number}", width=100_000))
        (folder / f"{number}.txt").write_text(f"number {number}")
if hasattr(api, "upload_large_folder"):
    api.upload_large_folder(
        repo_id=repo, folder_path=folder, repo_type="model", print_report=False, num_workers=2
    )
else:
    api.upload_folder(repo_id=repo, folder_path=folder)
there = Path(snapshot_download(repo))
for path in folder.glob("[0-9].*"):
    assert content(there / path.name) == path.read_bytes(), path
tell(sha256=sha256(folder / "0.safetensors"))
