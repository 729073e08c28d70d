"""What of a local folder gets published, and a first look at it before anything is sent."""

import fnmatch
import json
import os
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lorahub import paths
from lorahub.adapters import (
    HEAD_BYTES,
    AdapterFileError,
    looks_like_weights,
    read_header,
    refuse_if_bad,
    summarise,
)
from lorahub.errors import FileMissing, LorahubError, UsageError, VerificationFailed

_CONFIG = "adapter_config.json"
_MOST_CONFIG_BYTES = 256 * 1024
# Never meant for others, whatever they hold.
_JUNK_FOLDERS = frozenset(
    {".git", ".hg", ".svn", "__pycache__", ".ipynb_checkpoints", ".cache", ".venv", "node_modules"}
)
_JUNK_FILES = ("*.pyc", ".DS_Store", "._*", "Thumbs.db", "desktop.ini", ".lorahub-*", "*.swp", "*~")
# What trainers keep to go on with a run; pickles mostly, of no use with the adapter.
_TRAINING_STATE = (
    "optimizer.pt",
    "optimizer.bin",
    "scheduler.pt",
    "scheduler.bin",
    "scaler.pt",
    "rng_state*.pth",
    "random_states_*.pkl",
    "training_args.bin",
    "trainer_state.json",
)


class LocalFile(NamedTuple):
    """`path` is its path in the repository, `place` where it lies here. The size and time are
    those at the first look; when they change while it is sent, it was written to meanwhile.
    """

    path: str
    place: Path
    size: int
    time: int


class Scan(NamedTuple):
    files: Sequence[LocalFile]
    left_out: Sequence[str]


def scan(source: Path, exclude: Sequence[str] = ()) -> Scan:
    """The files to publish: one file under its own name, or all of a folder but junk."""
    if source.is_file():
        return Scan([_local(source, source.name)], [])
    if not source.is_dir():
        raise FileMissing(f"{source} is not there.")
    files: list[LocalFile] = []
    left_out: list[str] = []
    for place, path in _walk(source, "", exclude, left_out):
        files.append(_local(place, path))
    files.sort(key=lambda file: file.path)
    if not files:
        raise FileMissing(f"{source} holds no files to publish.")
    return Scan(files, sorted(left_out))


def check_paths(files: Sequence[LocalFile]) -> None:
    """Refuse names that the hub would refuse, before anything is sent."""
    for file in files:
        fault = paths.why_unsafe(file.path)
        if fault:
            raise UsageError(f"{paths.shown(file.path)} {fault}. Rename it and push again.")
    paths.check_all(file.path for file in files)


def check_content(files: Sequence[LocalFile]) -> None:
    """Refuse pickles and broken adapters, with the sentence that the hub would use."""
    configs = {file.path: file for file in files if file.path.rpartition("/")[2] == _CONFIG}
    for file in files:
        with file.place.open("rb") as opened:
            head = opened.read(HEAD_BYTES)
            if not looks_like_weights(head, file.path):
                continue
            folder = file.path.rpartition("/")[0]
            config = configs.get(f"{folder}/{_CONFIG}" if folder else _CONFIG)
            opened.seek(0)
            try:
                refuse_if_bad(head, file.path, file.size)
                summarise(read_header(opened, file.size), read_config(config and config.place))
            except AdapterFileError as error:
                raise VerificationFailed(f"{file.path}: {error}", code=error.code) from error


def read_config(place: Path | None) -> Mapping[str, Any] | None:
    """A PEFT configuration, if it is readable; the hub says what is wrong with it otherwise."""
    try:
        if place is None or place.stat().st_size > _MOST_CONFIG_BYTES:
            return None
        told = json.loads(place.read_bytes())
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None


def _walk(
    folder: Path, prefix: str, exclude: Sequence[str], left_out: list[str]
) -> Iterator[tuple[Path, str]]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise LorahubError(f"{folder} can't be read: {error.strerror}.") from error
    for entry in entries:
        path = prefix + entry.name
        # Links to files are followed (some libraries' caches are made of them), to folders not:
        # they lead out of what was meant, or in circles.
        if entry.is_dir(follow_symlinks=False):
            if entry.name in _JUNK_FOLDERS:
                continue
            if is_excluded(path, exclude):
                left_out.append(f"{path}/")
            else:
                yield from _walk(Path(entry.path), f"{path}/", exclude, left_out)
        elif _matches(entry.name, _JUNK_FILES):
            continue
        elif not entry.is_file() or is_excluded(path, (*_TRAINING_STATE, *exclude)):
            left_out.append(path)
        else:
            yield Path(entry.path), path


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def is_excluded(path: str, patterns: Sequence[str]) -> bool:
    return _matches(path, patterns) or _matches(path.rpartition("/")[2], patterns)


def _local(place: Path, path: str) -> LocalFile:
    """Some systems hand out decomposed names; the hub has one form for all."""
    try:
        found = place.stat()
    except OSError as error:
        raise LorahubError(f"{place} can't be read: {error.strerror}.") from error
    return LocalFile(unicodedata.normalize("NFC", path), place, found.st_size, found.st_mtime_ns)
