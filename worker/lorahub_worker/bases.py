"""Bases as this worker has them: where they lie, and the hash of their weights."""

import contextlib
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from lorahub.settings import find_token
from lorahub_server.config import Settings
from lorahub_server.insight.bases import service as registry
from lorahub_server.insight.bases.tables import BaseModel
from lorahub_server.jobs import JobContext, JobFailed
from lorahub_server.kit.db import Database
from lorahub_worker.engines.spec import BaseSpec

_ENDINGS = (".safetensors", ".json", ".txt", ".model")
# No code and no pickles are even fetched.
_WANTED = [f"*{ending}" for ending in _ENDINGS]
_LOOK_EVERY_S = 5.0


class NoBaseError(Exception):
    """A base is not on this machine; the message says why."""


def digest(path: Path) -> str:
    """Return the SHA-256 over names and contents of all that decides what a base is.

    It is remembered by path, sizes and times of change: the weights are read once.
    """
    files = _files(path)
    state = [(file.as_posix(), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    seal = hashlib.sha256(json.dumps(state).encode()).hexdigest()
    kept = _kept() / f"{hashlib.sha256(str(path).encode()).hexdigest()[:32]}.json"
    with contextlib.suppress(OSError, ValueError, KeyError):
        told = json.loads(kept.read_text())
        if told["seal"] == seal:
            return str(told["digest"])
    whole = hashlib.sha256()
    for file in files:
        name = file.name if file == path else file.relative_to(path).as_posix()
        with file.open("rb") as opened:
            inner = hashlib.file_digest(opened, "sha256").hexdigest()
        whole.update(f"{name} {inner}\n".encode())
    found = whole.hexdigest()
    partial = kept.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps({"seal": seal, "digest": found}))
    partial.replace(kept)
    return found


def place(base: BaseModel, *, fetch: bool = False) -> Path:
    """Return where a base lies on this machine. Raises NoBaseError.

    `fetch`: get a repository's files if they are not here yet; it may take long.
    """
    path = _folder(base) if base.kind == "repo" else Path(base.source).expanduser()
    if base.kind == "repo" and fetch and not (path / ".complete").exists():
        _fetch(base, path)
    if base.kind == "repo" and not (path / ".complete").exists():
        raise NoBaseError("it is not fetched yet")
    if not path.exists():
        raise NoBaseError(f"{path} is not on this machine")
    if not any(file.suffix == ".safetensors" for file in _files(path)):
        raise NoBaseError(f"{path} holds no .safetensors weights, and nothing else is loaded")
    return path


class Absent:
    """Called, returns the ids of the enabled bases that are not on this machine, or not yet."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: frozenset[str] = frozenset()
        self._until = 0.0

    def __call__(self) -> frozenset[str]:
        if time.monotonic() >= self._until:
            with self._db.read() as session:
                wanted = [one.base for one in registry.list_bases(session) if one.base.enabled]
                self._known = frozenset(base.id for base in wanted if not _is_here(base))
            self._until = time.monotonic() + _LOOK_EVERY_S
        return self._known


def _is_here(base: BaseModel) -> bool:
    try:
        place(base)
    except (NoBaseError, OSError):
        return False
    return True


def open_base(ctx: JobContext, base_id: str) -> BaseSpec:
    """Return a registered base as it lies on this machine. Raises JobFailed."""
    with ctx.db.read() as session:
        row = registry.find(session, base_id)
        if row is None:
            raise JobFailed("base_gone", "The base model was taken from the hub's registry.")
        session.expunge(row)
    try:
        path = place(row, fetch=True)
    except NoBaseError as error:
        raise NotHeldError(f"A worker that should hold {row.title} does not: {error}.") from error
    return BaseSpec(
        id=row.id,
        task="text" if row.task == "text" else "image",
        family=row.family,
        path=path,
        dtype=row.dtype,
        scheduler=row.scheduler,
        digest=digest(path),
        title=row.title,
    )


class NotHeldError(Exception):
    """Tried again later: another worker may hold the base."""


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = (file for file in path.rglob("*") if file.suffix in _ENDINGS and file.is_file())
    return sorted(file for file in found if ".cache" not in file.relative_to(path).parts)


def _kept() -> Path:
    folder = Settings().data / "bases" / "digests"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _folder(base: BaseModel) -> Path:
    told = json.dumps([base.endpoint, base.source, base.revision])
    name = hashlib.sha256(told.encode()).hexdigest()[:16]
    return Settings().data / "bases" / f"{base.id}-{name}"


def _fetch(base: BaseModel, folder: Path) -> None:
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.utils._paths import filter_repo_objects

    settings = Settings()
    endpoint = base.endpoint or settings.public_url or f"http://{settings.host}:{settings.port}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(folder):
        if (folder / ".complete").exists():
            return
        try:
            # Asked by itself: snapshot_download makes do with what is there if nobody answers.
            token = _token(endpoint, ours=not base.endpoint)
            api = HfApi(endpoint=endpoint, token=token)
            told = api.model_info(base.source, revision=base.revision or None)
            names = [one.rfilename for one in told.siblings or []]
            snapshot_download(
                base.source,
                revision=told.sha,
                endpoint=endpoint,
                local_dir=folder,
                allow_patterns=_WANTED,
                token=token,
            )
        except Exception as error:
            # Which library speaks HTTP there, and raises its own, depends on the version.
            raise NoBaseError(
                f"{base.source} could not be fetched ({type(error).__name__}): {error}"[:500]
            ) from error
        wanted = filter_repo_objects(names, allow_patterns=_WANTED)
        missing = [name for name in wanted if not (folder / name).is_file()]
        if missing:
            raise NoBaseError(f"{base.source} came without {missing[0]}")
        (folder / ".complete").touch()


def _token(endpoint: str, *, ours: bool) -> str | Literal[False]:
    """Return what this hub alone may see; HF_TOKEN goes where HF_ENDPOINT leads and no further."""
    from huggingface_hub import constants, get_token

    if endpoint.rstrip("/") == constants.ENDPOINT.rstrip("/"):
        return get_token() or False
    return find_token(endpoint, environment=ours) or False


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Of several workers of one machine one fetches, the others wait for it."""
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
