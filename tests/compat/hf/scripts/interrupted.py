"""Fetches or sends a file over a line that breaks. Arguments: what, the repository, a SHA-256."""

from pathlib import Path

from common import ARGS, adapter, api, sha256, tell
from huggingface_hub import hf_hub_download

what, repo, wanted = ARGS
if what == "fetch":
    assert sha256(hf_hub_download(repo, "weights.safetensors")) == wanted
else:
    Path("w.safetensors").write_bytes(adapter(int(wanted), width=400_000))
    api.upload_file(path_or_fileobj="w.safetensors", path_in_repo="sent.safetensors", repo_id=repo)
    wanted = sha256("w.safetensors")
    assert sha256(hf_hub_download(repo, "sent.safetensors")) == wanted
tell(sha256=wanted)
