"""The tensors of an adapter file as its header lists them: names, types, shapes."""

from collections.abc import Sequence
from typing import NamedTuple

from lorahub.adapters import HEAD_BYTES, AdapterFileError, header_end, parse_header
from lorahub_server.access import Tx
from lorahub_server.kit.kept import Kept
from lorahub_server.storage import ObjectMissing
from lorahub_server.storage.keys import blob_key

# What is read at once: the whole header of most adapters.
_FIRST = 256 * 1024
# Tensors of all kept files together; one takes about 400 bytes.
_KEPT_MAX = 40_000


class Tensor(NamedTuple):
    """`shape` () is a single number; `elements` numbers take `size` bytes."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    elements: int
    size: int


_kept: Kept[str, Sequence[Tensor]] = Kept(_KEPT_MAX, lambda tensors: len(tensors) + 1)


def tensors_of(tx: Tx, sha256: str, size: int) -> Sequence[Tensor] | None:
    """Return the tensors of a stored safetensors file of `size` bytes, in the order of the data.

    None: the bytes are not there, or are none of a safetensors file. Reads nothing but the header.
    The caller answers for who may ask.
    """
    found = _kept.get(sha256)
    if found is None:
        try:
            found = _read(tx, sha256, size)
        except (ObjectMissing, AdapterFileError):
            return None
        _kept.put(sha256, found)
    return found


def holding(tensors: Sequence[Tensor], text: str) -> Sequence[Tensor]:
    """Return those whose name holds all the words of a text, whatever their case."""
    words = text.lower().split()
    if not words:
        return tensors
    return [one for one in tensors if all(word in one.name.lower() for word in words)]


def _read(tx: Tx, sha256: str, size: int) -> Sequence[Tensor]:
    key = blob_key(sha256)
    head = b"".join(tx.store.get(key, 0, _FIRST))
    end = header_end(head[:HEAD_BYTES], size)
    if end > len(head):
        head += b"".join(tx.store.get(key, len(head), end))
    header = parse_header(head, size)
    return [
        Tensor(name, one.dtype, one.shape, one.elements, one.end - one.begin)
        for name, one in header.tensors.items()
    ]
