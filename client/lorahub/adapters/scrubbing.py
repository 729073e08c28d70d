"""Taking what is private out of a header: user names, paths, folder names, session ids.

The tensors are copied byte for byte, so every hash over them stays.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lorahub.adapters.container import Header, read_header
from lorahub.adapters.errors import AdapterFileError
from lorahub.adapters.metadata import bounded_json, clean_text, model_name
from lorahub.adapters.writing import encode_header

_CHUNK = 4 * 1024 * 1024
# Entries that name a person, a machine or a run, and nothing about the adapter.
_PERSONAL = re.compile(
    r"(ss_session_id|ss_(wandb|log_tracker|tracker)\w*|.*(user_?name|host_?name|machine|e-?mail)|"
    r"ss_(config_file|dataset_config|sample_prompts|prompt_file|output_dir|logging_dir|log_prefix)|"
    r".*(api_key|token_id|hf_token|access_token|password)|ss_huggingface_\w+|user|login)",
    re.IGNORECASE,
)
# What a person signs with, on purpose.
_AUTHORS = frozenset({"modelspec.author", "author", "authors"})
_FOLDERS = frozenset({"ss_dataset_dirs", "ss_reg_dataset_dirs", "ss_tag_frequency"})
_FOLDER_FIELDS = frozenset({"image_dir", "img_dir", "metadata_file", "conditioning_data_dir"})
_TAG_FIELDS = frozenset({"ss_tag_frequency", "tag_frequency"})
_MODEL_NAMES = frozenset(
    {"ss_sd_model_name", "ss_vae_name", "ss_base_model", "ss_output_name", "ss_dit", "ss_ae_name"}
)
_PATH = re.compile(
    r"""(?:file://)?(?:(?<![A-Za-z])[A-Za-z]:[\\/]|\\\\|(?<![\w.:/\\])~?/(?=[\w.~-]+/)|(?<![\w.:/\\])~[\\/])"""
    r"""(?:[^\\/:*?"<>|\r\n,;]*[\\/])*[^\\/:*?"<>|\r\n,;\s]*"""
)
_USER = re.compile(r"[\\/](?:home|Users|users|Documents and Settings)[\\/]([^\\/\s\"']{2,64})")
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,6}")


@dataclass(frozen=True, slots=True)
class Removal:
    """One change. `key` is the entry, `what` a sentence, `gone` whether the whole entry went."""

    key: str
    what: str
    gone: bool


@dataclass(slots=True)
class Scrubbed:
    """`kept`: who is named on purpose, by entry. `data_sha256`: the hash of the tensors, the same
    before and after.
    """

    removals: list[Removal] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    data_sha256: str = ""

    @property
    def clean(self) -> bool:
        """Whether there was nothing to remove."""
        return not self.removals


def scrub(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str] | None,
    *,
    tags: bool = False,
    author: bool = False,
) -> Scrubbed:
    """Write a copy of the file at `path` without private metadata to `out` (None: only tell).

    With `tags` the counts of caption words go too, with `author` the name that the author gave
    (modelspec.author), which stays otherwise. `out` may be `path`; it is replaced when the copy is
    whole. A folder is copied to the folder `out`: weights and adapter_config.json, nothing else.
    Raises AdapterFileError, OSError.
    """
    source = Path(path)
    if source.is_dir():
        from lorahub.adapters.scrubbing_folders import scrub_folder

        return scrub_folder(source, Path(out) if out else None, tags=tags, author=author)
    with source.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        header = read_header(file, size)
        found = scrub_metadata(header.metadata, tags=tags, author=author)
        if out is None:
            return found
        with replacing(Path(out), source) as copy:
            found.data_sha256 = _copy(file, header, found.metadata, copy)
    return found


@contextlib.contextmanager
def replacing(target: Path, source: Path) -> Iterator[Any]:
    """A file that gets the name `target`, and the mode of `source`, when all of it is written."""
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".lorahub-")
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(target)) from error
    try:
        with os.fdopen(handle, "wb") as copy:
            yield copy
        shutil.copymode(source, name)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def scrub_metadata(
    metadata: Mapping[str, str], *, tags: bool = False, author: bool = False
) -> Scrubbed:
    """The metadata without what is private, and what that was."""
    work = Work(tags, frozenset(users_in(metadata.values())))
    done = Scrubbed()
    for key, value in metadata.items():
        if author and key in _AUTHORS:
            done.removals.append(Removal(key, "It names the author.", gone=True))
            continue
        kept, what = work.entry(key, value)
        if kept is None:
            done.removals.append(Removal(key, what, gone=True))
            continue
        if kept != value:
            done.removals.append(Removal(key, what, gone=False))
        done.metadata[key] = kept
        if key in _AUTHORS and kept.strip():
            done.kept[key] = kept
    return done


def _copy(source: Any, header: Header, metadata: Mapping[str, str], copy: Any) -> str:
    copy.write(encode_header(header.tensors, metadata))
    source.seek(header.data_start)
    digest = hashlib.sha256()
    left = header.file_size - header.data_start
    while left:
        chunk = source.read(min(_CHUNK, left))
        if not chunk:
            raise AdapterFileError("truncated", "The file became shorter while it was copied.")
        digest.update(chunk)
        copy.write(chunk)
        left -= len(chunk)
    copy.flush()
    os.fsync(copy.fileno())
    return digest.hexdigest()


def users_in(values: Iterable[str]) -> set[str]:
    """Names of people, from the paths of their home folders."""
    found: set[str] = set()
    for value in values:
        plain = value.replace("\\\\", "\\").replace("\\/", "/")
        found |= {name for name in _USER.findall(plain) if name.lower() not in _NOBODY}
    return found


_MOST_ROUNDS = 8
_NOBODY = frozenset({"user", "root", "ubuntu", "admin", "public", "shared", "default", "home"})


class Work:
    """The rules for one header; folders get the same number wherever they are named."""

    def __init__(self, tags: bool, users: frozenset[str]) -> None:
        self.tags = tags
        self.users = users
        self.folders: dict[str, str] = {}

    def entry(self, key: str, value: str) -> tuple[str | None, str]:
        """What is kept of an entry (None: nothing), and a sentence about what was cut."""
        kept, what = self._entry(key, value)
        for _ in range(_MOST_ROUNDS):
            # What is left may be read otherwise than the whole: as JSON, as a name.
            again = None if kept is None else self._entry(key, kept)[0]
            if again == kept:
                break
            kept = again
        return kept, what

    def _entry(self, key: str, value: str) -> tuple[str | None, str]:
        if _PERSONAL.fullmatch(key) or value in self.users:
            return None, "It names a person, a machine or a run."
        if self.tags and key in _TAG_FIELDS:
            return None, "It counts the words of the captions."
        if key in _FOLDERS or value[:1] in ("{", "["):
            return self.nested(key, value)
        if value.startswith("data:"):
            return value, ""
        what = "Paths on the trainer's disk, names of people and addresses are cut."
        if key in _MODEL_NAMES:
            return self.text(model_name(value) or value), what
        cut = self.text(value)
        if not key.startswith("modelspec."):
            for user in self.users:
                cut = re.sub(rf"(?<!\w){re.escape(user)}(?!\w)", "", cut)
        return cut, what

    def nested(self, key: str, value: str) -> tuple[str | None, str]:
        """JSON inside a value."""
        parsed = bounded_json(value)
        if not isinstance(parsed, dict | list):
            if key in _FOLDERS:
                return None, "It names the folders of the training pictures and can't be read."
            return self.text(value), "Paths on the trainer's disk, or addresses, are cut."
        changed = self.walk(key, parsed)
        if changed == parsed:
            return value, ""
        return json.dumps(changed), "Training folders, paths and people in it lost their names."

    def walk(self, key: str, value: Any) -> Any:
        if isinstance(value, dict):
            if self.tags:
                value = {name: each for name, each in value.items() if name not in _TAG_FIELDS}
            names = key in _FOLDERS or key in _TAG_FIELDS
            return {
                self.folder(name) if names else self.text(name): self.walk(
                    "" if names else name, each
                )
                for name, each in value.items()
            }
        if isinstance(value, list):
            return [self.walk(key, each) for each in value]
        if isinstance(value, str):
            if key in _FOLDER_FIELDS:
                return self.folder(value)
            return "" if value in self.users else self.text(value)
        return value

    def folder(self, name: str) -> str:
        """A number instead of the name; the trainer's own count of repeats stays."""
        if not name.strip("\\/ "):
            return name
        last = re.split(r"[\\/]", name.rstrip("\\/"))[-1]
        if re.fullmatch(r"(\d+_)?dataset_\d+", last):
            return last
        repeats = re.match(r"\d+_", last)
        number = self.folders.setdefault(last, f"dataset_{len(self.folders) + 1}")
        return f"{repeats[0] if repeats else ''}{number}"

    def text(self, value: str) -> str:
        """Without paths and addresses. What is left of a path may be one again."""
        for _ in range(_MOST_ROUNDS):
            cut = _PATH.sub(lambda match: re.split(r"[\\/]", match[0].rstrip("\\/"))[-1], value)
            cut = _EMAIL.sub("", cut)
            if cut == value:
                break
            value = cut
        return value


def report(found: Scrubbed) -> list[str]:
    """A line for each change, and for each name that stays, for a person."""
    changed = [
        f"{clean_text(each.key, 100)}: {'removed' if each.gone else 'changed'}. {each.what}"
        for each in found.removals
    ]
    return changed + [
        f"{key}: kept. It names the author ({clean_text(value, 60)}); --author removes it."
        for key, value in found.kept.items()
    ]
