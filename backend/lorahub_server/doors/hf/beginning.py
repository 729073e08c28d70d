"""The first commit of a repository that is made through this door."""

from lorahub_server.access import Tx
from lorahub_server.repos.commit import AddFile, commit
from lorahub_server.repos.tables import Repository

MESSAGE = "initial commit"
# What git gives to git-lfs in a clone, as the clients' own hub has it.
_LARGE = (
    "7z", "arrow", "bin", "bz2", "ckpt", "ftz", "gz", "h5", "joblib", "mlmodel", "model", "msgpack",
    "npy", "npz", "onnx", "ot", "parquet", "pb", "pickle", "pkl", "pt", "pth", "rar", "safetensors",
    "tar", "tflite", "tgz", "wasm", "xz", "zip", "zst",
)  # fmt: skip
_PATTERNS = (*(f"*.{ending}" for ending in _LARGE), "*.tar.*", "saved_model/**/*", "*tfevents*")
ATTRIBUTES = "".join(f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in _PATTERNS)


def first_commit(tx: Tx, repo: Repository) -> None:
    """Let the default branch begin with a `.gitattributes`."""
    operation = AddFile(".gitattributes", ATTRIBUTES.encode())
    commit(tx, repo, repo.default_branch, [operation], MESSAGE)
