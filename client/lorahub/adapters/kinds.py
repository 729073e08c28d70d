"""What a file really is, from its first bytes, whatever its name says.

Nothing is loaded or run: pickles are recognised by their opcodes.
"""

import pickletools
import re
from pathlib import PurePosixPath

from lorahub.adapters import limits
from lorahub.adapters.errors import AdapterFileError

# More bytes than this never change the answer.
HEAD_BYTES = 4096

PICKLE_SUFFIXES = frozenset(
    {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".pt2", ".ptl", ".joblib", ".dill"}
)
_OTHER_WEIGHT_SUFFIXES = frozenset(
    {".safetensors", ".sft", ".gguf", ".ggml", ".h5", ".keras", ".msgpack", ".npz", ".npy"}
)
WEIGHT_SUFFIXES = PICKLE_SUFFIXES | _OTHER_WEIGHT_SUFFIXES
WEIGHT_KINDS = frozenset(
    {"safetensors", "pickle", "zip-pickle", "tar-pickle", "gguf", "numpy", "hdf5", "executable"}
)

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"GGUF", "gguf"),
    (b"GGML", "gguf"),
    (b"tjgg", "gguf"),
    (b"lmgg", "gguf"),
    (b"version https://git-lfs", "lfs-pointer"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x93NUMPY", "numpy"),
    (b"\x89HDF\r\n\x1a\n", "hdf5"),
    (b"\x7fELF", "executable"),
    (b"MZ", "executable"),
    (b"%PDF-", "pdf"),
    (b"\x89PNG\r\n\x1a\n", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF8", "image"),
)
_PYTHON = re.compile(
    rb"(#!.*python|#.*coding[:=]|from [\w.]+ import |import \w|def \w+\(|class \w+|@\w+\n)"
)
_TORCH_TAR_MEMBERS = (b"sys_info", b"pickle", b"storages", b"tensors")
_TAR_MAGIC_AT = 257
_LENGTH_BYTES = 8
_ENOUGH_OPCODES = 16
_LAST_PROTOCOL = 5

_CONVERT = (
    "Convert it to safetensors where you trust the file, without running what is inside: "
    "`state = torch.load(path, weights_only=True)`, then `safetensors.torch.save_file(state, "
    "'adapter.safetensors')` (best in a container without network), and upload the result. "
    "With PEFT, `model.save_pretrained(folder)` writes safetensors by itself."
)
_REFUSALS: dict[str, tuple[str, str, str]] = {
    "pickle": ("pickle_refused", "This is a pickle: loading it can run any program.", _CONVERT),
    "zip-pickle": (
        "pickle_refused",
        "This is a PyTorch checkpoint (a zip with a pickle): loading it can run any program.",
        _CONVERT,
    ),
    "tar-pickle": (
        "pickle_refused",
        "This is an old PyTorch checkpoint (a tar with pickles): loading it can run any program.",
        _CONVERT,
    ),
    "gguf": (
        "gguf_refused",
        "This is a GGUF file, made for llama.cpp.",
        "Upload the safetensors adapter it was made from.",
    ),
    "lfs-pointer": (
        "lfs_pointer_refused",
        "This is a git-lfs pointer, not the weights.",
        "Run `git lfs pull` where the file is, then upload the real file.",
    ),
    "html": (
        "html_refused",
        "This is a web page, not the weights.",
        "The download probably failed or asked for a login: download the file again.",
    ),
    "empty": ("empty_file", "The file is empty.", "Copy or download it again, then upload it."),
    "executable": ("executable_refused", "This is a program.", "Upload safetensors weights."),
    "json": (
        "not_safetensors",
        "This is JSON text, not the weights.",
        "Upload the .safetensors file; if this was one, its first 8 bytes are missing.",
    ),
    "python": ("not_safetensors", "This is Python source.", "Upload the .safetensors file."),
    "text": ("not_safetensors", "This is text, not weights.", "Upload the .safetensors file."),
    "image": ("not_safetensors", "This is a picture.", "Upload the .safetensors file."),
    "pdf": ("not_safetensors", "This is a PDF.", "Upload the .safetensors file."),
    "numpy": ("not_safetensors", "This is a NumPy file.", "Save the weights as safetensors."),
    "hdf5": ("not_safetensors", "This is an HDF5 file.", "Save the weights as safetensors."),
}
_ARCHIVES = frozenset({"zip", "7z", "gzip", "rar", "tar", "bzip2", "xz", "zstd"})


def _suffix(name: str) -> str:
    return PurePosixPath(name.strip().rstrip(". ").lower()).suffix


def is_weight_name(name: str) -> bool:
    """Whether a file called `name` claims to be weights (and so must be a valid adapter file)."""
    return _suffix(name) in WEIGHT_SUFFIXES


def looks_like_weights(head: bytes, name: str) -> bool:
    """Whether a file claims to be weights by its name or is a weight format by its content."""
    if is_weight_name(name):
        return True
    head = head[:HEAD_BYTES]
    if sniff(head, name) not in WEIGHT_KINDS:
        return False
    # Prose can happen to be a valid text pickle; it harms nobody unless it calls something.
    return _by_text(head) == "unknown" or _calls_something(head)


def sniff(head: bytes, name: str = "") -> str:
    """The kind of a file from its first bytes (HEAD_BYTES are enough).

    One of "safetensors", "pickle", "zip-pickle", "tar-pickle", "gguf", "lfs-pointer", "html",
    "zip", "7z", "rar", "gzip", "bzip2", "xz", "zstd", "tar", "numpy", "hdf5", "executable", "pdf",
    "image", "json", "python", "text", "empty", "unknown". The name only decides where the content
    does not: unknown bytes under a pickle suffix are "pickle".
    """
    head = head[:HEAD_BYTES]
    if not head:
        return "empty"
    if _is_safetensors(head):
        return "safetensors"
    kind = _by_magic(head, name)
    if kind:
        return kind
    if _is_pickle(head):
        return "pickle"
    if _suffix(name) in PICKLE_SUFFIXES:
        return "pickle"
    return _by_text(head)


def refuse_if_bad(head: bytes, name: str, size: int) -> None:
    """Raise AdapterFileError unless a weight file may be safetensors.

    `head`: the first bytes (HEAD_BYTES, or the whole file if smaller), `size`: bytes of the whole
    file. Call it for what claims to be weights (see looks_like_weights), not for cards or pictures.
    """
    kind = "empty" if size == 0 else sniff(head, name)
    if kind in _REFUSALS:
        code, message, hint = _REFUSALS[kind]
        raise AdapterFileError(code, message, hint=hint)
    if kind in _ARCHIVES:
        raise AdapterFileError(
            "archive_refused",
            f"This is a {kind} archive.",
            hint="Unpack it and upload the .safetensors file inside.",
        )
    if _suffix(name) in PICKLE_SUFFIXES:
        raise AdapterFileError(
            "pickle_refused",
            "The name belongs to a pickle format, which programs open by running it.",
            hint="The content is safetensors: rename the file to end in .safetensors.",
        )
    if size < _LENGTH_BYTES:
        raise AdapterFileError(
            "truncated",
            f"The file ends after {size} bytes.",
            hint="It was cut off: download or copy it again, then upload it.",
        )


def _is_safetensors(head: bytes) -> bool:
    length = int.from_bytes(head[:_LENGTH_BYTES], "little")
    return (
        len(head) > _LENGTH_BYTES
        and 0 < length <= limits.MAX_HEADER_BYTES
        and head[_LENGTH_BYTES] == ord("{")
    )


def _by_magic(head: bytes, name: str) -> str | None:
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"):
        return _zip_kind(head, name)
    if head[_TAR_MAGIC_AT : _TAR_MAGIC_AT + 5] == b"ustar":
        first = head[:100].rstrip(b"\0").removeprefix(b"./").rstrip(b"/")
        return "tar-pickle" if first in _TORCH_TAR_MEMBERS else "tar"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image"
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    return None


def _zip_kind(head: bytes, name: str) -> str:
    member_size = int.from_bytes(head[26:28], "little")
    member = head[30 : 30 + member_size]
    pickled = member.endswith((b".pkl", b".pickle", b"constants.pkl")) or b"/data.pkl" in head
    return "zip-pickle" if pickled or _suffix(name) in PICKLE_SUFFIXES else "zip"


def _is_pickle(head: bytes) -> bool:
    """Whether the bytes read as pickle opcodes: protocols 2 to 5 announce themselves, 0 and 1 are
    believed when they finish, name a global, or go on for long.
    """
    announced = head[:1] == b"\x80" and len(head) > 1 and head[1] <= _LAST_PROTOCOL
    count = 0
    try:
        for opcode, argument, _ in pickletools.genops(head):
            count += 1
            if opcode.name in ("GLOBAL", "INST") and isinstance(argument, str):
                return announced or all(part.isidentifier() for part in _dotted(argument))
            if opcode.name == "STOP":
                return announced or count > 1
            if announced and count > 1:
                return True
    except (ValueError, OverflowError, IndexError, KeyError):
        # A pickle longer than the head ends in the middle of an opcode.
        return announced or count >= _ENOUGH_OPCODES
    return announced or count >= _ENOUGH_OPCODES


def _calls_something(head: bytes) -> bool:
    """Whether the bytes are pickle opcodes that fetch a function by its name and call it."""
    fetched = False
    try:
        for opcode, argument, _ in pickletools.genops(head):
            if opcode.name == "INST":
                return True
            if opcode.name == "GLOBAL":
                fetched = all(part.isidentifier() for part in _dotted(str(argument)))
            elif fetched and opcode.name in {"REDUCE", "OBJ", "NEWOBJ", "BUILD"}:
                return True
    except (ValueError, OverflowError, IndexError, KeyError):
        return False
    return False


def _dotted(argument: str) -> list[str]:
    return re.split(r"[. ]", argument)


def _by_text(head: bytes) -> str:
    if b"\0" in head:
        return "unknown"
    try:
        # The head may end in the middle of a character.
        text = head.decode("utf-8-sig", errors="strict" if len(head) < HEAD_BYTES else "ignore")
    except UnicodeDecodeError:
        return "unknown"
    if sum(not (char.isprintable() or char in "\n\r\t\f") for char in text):
        return "unknown"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"<"):
        return "html"
    if start.startswith((b"{", b"[")):
        return "json"
    return "python" if _PYTHON.match(start) else "text"
