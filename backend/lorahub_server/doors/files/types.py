"""What kind of file it is, by its name alone, and whether a browser may show it in place.

Shown in place are pictures, sound, film and plain text, none of which runs a script here.
"""

from dataclasses import dataclass
from pathlib import PurePosixPath

_TEXT = "text/plain; charset=utf-8"
_SHOWN = {
    **dict.fromkeys(("txt", "md", "markdown", "rst", "log", "csv", "tsv"), _TEXT),
    **dict.fromkeys(("yaml", "yml", "toml", "ini", "cfg", "py", "jsonl", "sh"), _TEXT),
    **dict.fromkeys(("gitattributes", "gitignore", "license"), _TEXT),
    "json": "application/json",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "wav": "audio/wav",
    "flac": "audio/flac",
}
# A page may show it as a picture; opened by itself it could hold a script.
_KEPT = {"svg": "image/svg+xml"}
_BYTES = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Kind:
    media_type: str
    is_shown: bool


def kind_of(path: str) -> Kind:
    name = PurePosixPath(path).name.lower()
    ending = name.rpartition(".")[2]
    if ending in _SHOWN:
        return Kind(_SHOWN[ending], is_shown=True)
    return Kind(_KEPT.get(ending, _BYTES), is_shown=False)
