"""Which files of a repository are wanted, and where each goes."""

import fnmatch
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from lorahub import paths
from lorahub.errors import FileMissing, UsageError
from lorahub.models import Manifest, RemoteFile
from lorahub.names import RepoName, is_repo_name
from lorahub.progress import listed
from lorahub.transfer import sidecars
from lorahub.transfer.tools import TOOLS, Tool, adapters_folder

_ADAPTER_ENDINGS = (".safetensors", ".sft")
# The hub's own bookkeeping; git writes it again where it is needed.
_NOT_PULLED = frozenset({".gitattributes"})


class Place(NamedTuple):
    """Where a file goes. `file` is None for a side file of the client's own, whose bytes are
    `content`. `is_side`: it may have been changed by the person or the tool, and then stays.
    """

    target: Path
    file: RemoteFile | None
    content: bytes = b""
    is_side: bool = False


class Layout(NamedTuple):
    """`root` is the folder below which everything lands, `shown` what a person would open."""

    root: Path
    shown: Path
    places: Sequence[Place]


class Wish(NamedTuple):
    """What the caller asked for: a folder or a tool, the tool's own folder, the files, and another
    name for the adapter or folder.
    """

    to: str | Path | None = None
    root: str | Path | None = None
    files: Sequence[str] = ()
    name: str | None = None


def tool_of(to: str | Path | None) -> Tool | None:
    """The tool meant by `--to`. A folder of that name is written with a slash: ./comfyui"""
    return TOOLS.get(to.casefold()) if isinstance(to, str) else None


def lay_out(wish: Wish, manifest: Manifest, page: str, description: str | None) -> Layout:
    if wish.name is not None and not is_repo_name(wish.name):
        raise UsageError(f"{wish.name!r} is no good name: use letters, digits, -, _ and . only.")
    files = chosen(manifest, wish.files)
    paths.check_all((file.path for file in files), windows=sys.platform == "win32")
    tool = tool_of(wish.to)
    if wish.root is not None and tool is None:
        raise UsageError("--root is the folder of a tool: name the tool with --to.")
    if tool is not None and not tool.takes_folders:
        return _for_tool(tool, wish, manifest, files, sidecars_for=(page, description))
    name = wish.name or RepoName.parse(manifest.repo).name
    if tool is not None:
        root = adapters_folder(tool, wish.root) / name
    elif wish.to is not None:
        root = Path(wish.to).expanduser() / (wish.name or "")
    else:
        root = Path(name)
    if root.exists() and not root.is_dir():
        raise UsageError(f"{root} is a file. Name a folder with --to.")
    places = [Place(paths.below(root, file.path), file) for file in files]
    return Layout(root, root, places)


def chosen(manifest: Manifest, patterns: Sequence[str]) -> list[RemoteFile]:
    """The files that the patterns name, or all. Raises when a pattern names none."""
    if not patterns:
        return [file for file in manifest.files if file.path not in _NOT_PULLED]
    found: dict[str, RemoteFile] = {}
    for pattern in patterns:
        hits = [file for file in manifest.files if _matches(file.path, pattern)]
        if not hits:
            names = listed([paths.shown(file.path) for file in manifest.files], 10)
            raise FileMissing(
                f"{manifest.repo} has no file {pattern!r} at {manifest.revision[:12]}. "
                f"It has: {names or 'nothing'}."
            )
        found |= {file.path: file for file in hits}
    return list(found.values())


def _matches(path: str, pattern: str) -> bool:
    """A pattern without a slash is for the name, wherever the file lies."""
    if path == pattern or fnmatch.fnmatchcase(path, pattern):
        return True
    return "/" not in pattern and fnmatch.fnmatchcase(path.rpartition("/")[2], pattern)


def _for_tool(
    tool: Tool,
    wish: Wish,
    manifest: Manifest,
    files: Sequence[RemoteFile],
    sidecars_for: tuple[str, str | None],
) -> Layout:
    facts = {adapter.path: adapter for adapter in manifest.adapters}
    every = [file for file in manifest.files if file.path in facts] or [
        file for file in manifest.files if file.path.casefold().endswith(_ADAPTER_ENDINGS)
    ]
    # A name does not depend on which files are fetched today.
    alone = len(every) == 1
    adapters = [file for file in every if file in files] or [
        file for file in files if file.path.casefold().endswith(_ADAPTER_ENDINGS)
    ]
    if not adapters:
        raise FileMissing(
            f"{manifest.repo} has no adapter file for {tool.label} among "
            f"{'the files you named' if wish.files else 'its files'}."
        )
    if wish.name and len(adapters) > 1:
        raise UsageError(
            f"{manifest.repo} holds {len(adapters)} adapters, which can't all be called "
            f"{wish.name}. Choose one with --file."
        )
    folder = adapters_folder(tool, wish.root)
    page, description = sidecars_for
    places = []
    for file in adapters:
        name = wish.name or adapter_name(manifest, file.path, alone=alone)
        places.append(Place(folder / f"{name}.safetensors", file))
        cover = sidecars.cover_of(file.path, manifest, alone=alone)
        if cover:
            suffix = PurePosixPath(cover.path).suffix.casefold()
            places.append(Place(folder / f"{name}{suffix}", cover, is_side=True))
        if tool.reads_settings:
            fact = facts.get(file.path)
            told = sidecars.settings(manifest, fact and fact.family, page, description)
            places.append(Place(folder / f"{name}.json", None, told, is_side=True))
    paths.check_all(place.target.name for place in places)
    return Layout(folder, places[0].target if len(adapters) == 1 else folder, places)


def adapter_name(manifest: Manifest, path: str, *, alone: bool) -> str:
    """What a tool calls an adapter: the repository's name, since most files are called alike; in
    a pack, that and the file's name.
    """
    name = RepoName.parse(manifest.repo).name
    stem = PurePosixPath(path).with_suffix("").as_posix().replace("/", "-")
    if alone:
        return name
    return stem if stem.casefold().startswith(name.casefold()) else f"{name}-{stem}"
