"""What a commit may consist of, and the checks that need no database."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lorahub.adapters import (
    HEAD_BYTES,
    AdapterFileError,
    is_weight_name,
    looks_like_weights,
    refuse_if_bad,
)
from lorahub.adapters.config import read_config as read_fields
from lorahub_server.blobs.errors import BadFile
from lorahub_server.blobs.limits import INLINE_MAX
from lorahub_server.blobs.service import is_sha256
from lorahub_server.kit import names
from lorahub_server.repos.errors import BadCommit
from lorahub_server.repos.limits import CONFIG_MAX, INLINE_TOTAL_MAX, OPERATIONS_MAX
from lorahub_server.repos.objects import NewObject, file_object, read_pointer

CARD = "README.md"
CONFIG = "adapter_config.json"
ATTRIBUTES = ".gitattributes"
_WEIGHTS = (".safetensors", ".sft")
# What a safetensors file begins with, to ask whether a name may hold one.
_SAFETENSORS = (2).to_bytes(8, "little") + b"{}"


@dataclass(frozen=True, slots=True)
class AddFile:
    """Write a small file that is not weights."""

    path: str
    content: bytes


@dataclass(frozen=True, slots=True)
class AddBlob:
    """Write a file that was uploaded and verified."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class DeletePath:
    """Delete a file, or a folder with everything in it."""

    path: str


Operation = AddFile | AddBlob | DeletePath


@dataclass(slots=True)
class Checked:
    """Operations that are fine by themselves; what they meet in the tree is another matter."""

    files: dict[str, NewObject] = field(default_factory=dict)
    blobs: dict[str, str] = field(default_factory=dict)
    deletes: list[str] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        return [*self.deletes, *self.files, *self.blobs]


def check(operations: Sequence[Operation]) -> Checked:
    """Raise BadCommit, BadFile, InvalidPath or InvalidCard for the first that can't be."""
    if not 1 <= len(operations) <= OPERATIONS_MAX:
        message = f"A commit has 1 to {OPERATIONS_MAX} operations; make several commits."
        raise BadCommit(message, place="operations")
    inline = sum(len(op.content) for op in operations if isinstance(op, AddFile))
    if inline > INLINE_TOTAL_MAX:
        message = f"The files in a commit have at most {INLINE_TOTAL_MAX} bytes; make several."
        raise BadCommit(message, place="operations")
    checked, seen = Checked(), set()
    for operation in operations:
        path = names.check_path(operation.path)
        if path in seen:
            raise BadCommit("The path is there twice; keep one operation.", place=path)
        seen.add(path)
        if isinstance(operation, AddFile):
            _check_file(path, operation.content)
            checked.files[path] = file_object(operation.content)
        elif isinstance(operation, AddBlob):
            checked.blobs[path] = _checked_blob(path, operation.sha256)
        else:
            checked.deletes.append(path)
    return checked


def check_weights_name(path: str, size: int, *, is_adapter: bool) -> None:
    """Raise unless a verified file may have this name: programs trust names."""
    name = path.rpartition("/")[2]
    refuse_bad_head(path, _SAFETENSORS, max(size, len(_SAFETENSORS)))
    if not is_weight_name(name):
        return
    if not name.lower().endswith(_WEIGHTS):
        message = "The content is safetensors: rename the file to end in .safetensors."
        raise BadCommit(message, place=path)
    if not is_adapter:
        message = "The file was not verified as weights. Upload it under the name that it gets."
        raise BadCommit(message, place=path)


def read_config(content: bytes) -> dict[str, Any] | None:
    """Return the JSON object in an adapter_config.json, None when there is none.

    Numbers that are none in JSON (NaN, and what is too large for a float) don't count as one.
    """
    try:
        value = json.loads(content.decode(), parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def check_name(path: str) -> None:
    """Raise for the name of a file that no repository has, whatever is in it."""
    if path.rpartition("/")[2].casefold() == ".gitmodules":
        raise BadCommit("Submodules are not supported; leave .gitmodules out.", place=path)


def check_text(path: str, content: bytes) -> None:
    """Raise unless a file that the hub itself reads can be read."""
    name = path.rpartition("/")[2]
    if name == CONFIG:
        _check_config(path, content)
    elif name == ATTRIBUTES:
        _check_attributes(path, content)
    elif path == CARD:
        from lorahub_server.library import card

        card.check(content)


def check_large_name(path: str) -> None:
    """Raise unless a large file may have this name."""
    check_name(path)
    name = path.rpartition("/")[2]
    if path == CARD or name in {CONFIG, ATTRIBUTES}:
        message = f"A {name} has at most {INLINE_MAX} bytes and rides in the commit itself."
        raise BadCommit(message, place=path)


def refuse_bad_head(path: str, head: bytes, size: int) -> None:
    """Raise BadFile for what nobody may publish, whichever way it comes."""
    try:
        refuse_if_bad(head, path.rpartition("/")[2], size)
    except AdapterFileError as error:
        raise BadFile(error.code, str(error), path) from error


def _check_file(path: str, content: bytes) -> None:
    check_name(path)
    if len(content) > INLINE_MAX:
        message = f"Files above {INLINE_MAX} bytes are uploaded first and committed by SHA-256."
        raise BadCommit(message, place=path)
    if read_pointer(content) is not None:
        message = (
            "This is a git-lfs pointer, not the file. Run `git lfs pull`, then send the real file."
        )
        raise BadFile("lfs_pointer_refused", message, path)
    if looks_like_weights(content[:HEAD_BYTES], path.rpartition("/")[2]):
        refuse_bad_head(path, content[:HEAD_BYTES], len(content))
        message = "Weights are uploaded first, which verifies them, and committed by SHA-256."
        raise BadCommit(message, place=path)
    check_text(path, content)


def _checked_blob(path: str, sha256: str) -> str:
    check_large_name(path)
    value = sha256.lower()
    if not is_sha256(value):
        raise BadCommit("A SHA-256 has 64 hexadecimal digits; correct it.", place=path)
    return value


def _check_config(path: str, content: bytes) -> None:
    if len(content) > CONFIG_MAX:
        message = f"An {CONFIG} has at most {CONFIG_MAX} bytes; remove what is not needed."
        raise BadCommit(message, place=path)
    fields = read_config(content)
    if fields is None:
        message = f"The {CONFIG} is not a JSON object in UTF-8. Save the adapter again with PEFT."
        raise BadCommit(message, place=path)
    try:
        read_fields(fields)
    except AdapterFileError as error:
        # A method that is newer than this hub is no fault of the file.
        if error.code != "config_unknown_type":
            raise BadCommit(str(error), place=path) from error


def _check_attributes(path: str, content: bytes) -> None:
    try:
        content.decode()
    except UnicodeDecodeError:
        raise BadCommit(f"The {ATTRIBUTES} is not UTF-8; save it as that.", place=path) from None
