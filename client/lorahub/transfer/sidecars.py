"""Files beside an adapter that tools of the image world read: settings and a preview picture."""

import json
from pathlib import PurePosixPath

from lorahub.models import Manifest, RemoteFile

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif")
_COVERS = ("cover", "preview", "thumbnail")
_MOST_PICTURE_BYTES = 32 * 1024 * 1024
# The families that the tools know, under the names they use; others they find out themselves.
_VERSIONS = {"sd1": "SD1", "sd2": "SD2", "sdxl": "SDXL", "flux1": "Flux"}


def settings(
    manifest: Manifest, family: str | None, page: str, description: str | None = None
) -> bytes:
    """`<name>.json` as AUTOMATIC1111 and Forge write it themselves. A weight of 0 means theirs."""
    told: dict[str, object] = {"description": description or ""}
    version = _VERSIONS.get(family or "")
    if version:
        told["sd version"] = version
    told |= {
        "activation text": ", ".join(manifest.trigger_words),
        "preferred weight": 0,
        "negative text": "",
        "notes": f"{page} ({manifest.revision[:12]})",
    }
    return json.dumps(told, indent=4, ensure_ascii=False).encode()


def cover_of(adapter: str, manifest: Manifest, *, alone: bool) -> RemoteFile | None:
    """The picture that shows an adapter: one of its name, else the repository's cover, else, when
    it is the only adapter, the first picture there is.
    """
    pictures = [file for file in manifest.files if _is_picture(file)]
    stem = PurePosixPath(adapter).with_suffix("").as_posix().casefold()
    for file in pictures:
        if _plain_stem(file.path) == stem:
            return file
    for file in pictures:
        if file.path == manifest.cover:
            return file
    for name in _COVERS:
        for file in sorted(pictures, key=lambda file: file.path.count("/")):
            if _plain_stem(file.path).rpartition("/")[2] == name:
                return file
    return min(pictures, key=lambda file: file.path) if pictures and alone else None


def _is_picture(file: RemoteFile) -> bool:
    suffix = PurePosixPath(file.path).suffix.casefold()
    return suffix in PICTURES and 0 < file.size <= _MOST_PICTURE_BYTES


def _plain_stem(path: str) -> str:
    return PurePosixPath(path).with_suffix("").as_posix().casefold().removesuffix(".preview")
