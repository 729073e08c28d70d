"""Where each tool keeps adapters."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from lorahub.errors import LorahubError, UsageError
from lorahub.settings import home


class Tool(NamedTuple):
    """`folder` is where its adapters lie below its own folder; a tool without one takes a folder
    of files. `variables` may name its folder, `usual` is what that is called.
    """

    name: str
    label: str
    folder: str = ""
    variables: tuple[str, ...] = ()
    usual: tuple[str, ...] = ()
    # Files beside the adapter that it reads.
    reads_settings: bool = False

    @property
    def takes_folders(self) -> bool:
        return not self.folder


TOOLS: Mapping[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool("comfyui", "ComfyUI", "models/loras", ("COMFYUI_PATH",), ("ComfyUI", "comfyui")),
        Tool(
            "a1111",
            "AUTOMATIC1111",
            "models/Lora",
            ("A1111_PATH",),
            ("stable-diffusion-webui",),
            reads_settings=True,
        ),
        Tool(
            "forge",
            "Forge",
            "models/Lora",
            ("FORGE_PATH",),
            ("stable-diffusion-webui-forge",),
            reads_settings=True,
        ),
        Tool("diffusers", "diffusers"),
        Tool("peft", "PEFT"),
    )
}


def adapters_folder(tool: Tool, root: str | Path | None = None) -> Path:
    """The folder in which a tool looks for adapters. `root` is the tool's own folder; without it,
    its variable, the current folder, and the usual places count, in this order.
    """
    if tool.takes_folders:
        return _existing(Path(root).expanduser(), "--root") if root else Path()
    if root:
        return _inside(tool, _existing(Path(root).expanduser(), "--root"), "--root")
    for name in tool.variables:
        if given := os.environ.get(name):
            return _inside(tool, _existing(Path(given).expanduser(), name), name)
    for folder in (Path(), *(base / name for base in (Path(), home()) for name in tool.usual)):
        if (folder / tool.folder).is_dir():
            return folder / tool.folder
    raise UsageError(
        f"{tool.label} was not found. Say where it is with --root, or set {tool.variables[0]} to "
        f"its folder (the one with {tool.folder} in it)."
    )


def _inside(tool: Tool, root: Path, named: str) -> Path:
    """The adapters' folder below a tool's folder, or that very folder."""
    parts = tuple(part.casefold() for part in Path(tool.folder).parts)
    if tuple(part.casefold() for part in root.resolve().parts[-len(parts) :]) == parts:
        return root
    if not (root / "models").is_dir():
        raise LorahubError(
            f"{root} ({named}) has no folder models, so it is not {tool.label}'s folder.",
            code="no_tool",
        )
    return root / tool.folder


def _existing(root: Path, named: str) -> Path:
    if not root.is_dir():
        raise LorahubError(f"{root} ({named}) is not a folder.", code="no_tool")
    return root
