"""The safetensors container, read strictly.

The grammar of a header is so small that it is read token by token instead of by a JSON library:
nothing is built for a key we do not know, there is no recursion, every limit holds while reading,
and a duplicate key cannot hide. What this reader accepts, the reference reader accepts too; it
refuses some files that the reference tolerates and that two readers would understand differently.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from lorahub.adapters import limits
from lorahub.adapters.errors import AdapterFileError, shown
from lorahub.adapters.kinds import refuse_if_bad
from lorahub.adapters.tensors import DAMAGED, PAIR, U64, TensorInfo, check_name, tensor_info

_LENGTH_BYTES = 8
_SPACE = re.compile(rb"[ \t\n\r]*+")
_STRING = re.compile(rb'"((?:[^"\\\x00-\x1f]++|\\.)*+)"', re.DOTALL)
_INTEGER = re.compile(rb"(?:0|[1-9][0-9]{0,19})(?![0-9.eE])")
# A tensor as nearly every program writes it; what looks otherwise is read token by token.
_NUMBER = rb"(?:0|[1-9][0-9]{0,18})"
_USUAL = re.compile(
    rb'\{"dtype": ?"([A-Z0-9_]{1,16})", ?'
    rb'"shape": ?\[((?:%b(?:, ?%b){0,%d})?)\], ?'
    rb'"data_offsets": ?\[(%b), ?(%b)\]\}'
    % (_NUMBER, _NUMBER, limits.MAX_DIMS - 1, _NUMBER, _NUMBER)
)
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Header:
    """A valid header. `tensors` is in the order of the data; `data_start` is the file offset of
    the first data byte; `file_size` the size of the whole file in bytes.
    """

    tensors: dict[str, TensorInfo]
    metadata: dict[str, str]
    data_start: int
    file_size: int


def header_end(head: bytes, file_size: int, name: str = "") -> int:
    """The file offset where the header ends, from the first bytes of a file (16 are enough; more
    give better messages for files that are something else). Raises AdapterFileError.
    """
    refuse_if_bad(head, name or "adapter.safetensors", file_size)
    if file_size < _LENGTH_BYTES or len(head) < _LENGTH_BYTES:
        raise AdapterFileError(
            "truncated",
            f"The file ends after {file_size} bytes.",
            hint="Upload the whole file.",
            byte=file_size,
        )
    length = int.from_bytes(head[:_LENGTH_BYTES], "little")
    if length > limits.MAX_HEADER_BYTES:
        raise AdapterFileError(
            "header_too_large",
            f"The header claims {length} bytes; at most {limits.MAX_HEADER_BYTES} are accepted.",
            hint="If this is a real adapter, remove large entries from its metadata.",
            byte=0,
        )
    if length + _LENGTH_BYTES > file_size:
        raise AdapterFileError(
            "truncated",
            f"The header claims {length} bytes but the file has only {file_size}.",
            hint="The file was cut off: download or copy it again, then upload it.",
            byte=file_size,
        )
    if length == 0 or head[_LENGTH_BYTES : _LENGTH_BYTES + 1] not in (b"{", b""):
        raise AdapterFileError(
            "header_invalid",
            "The header does not start with a JSON object.",
            hint=DAMAGED,
            byte=_LENGTH_BYTES,
        )
    return _LENGTH_BYTES + length


def parse_header(data: bytes, file_size: int) -> Header:
    """Read the header from the first bytes of a file.

    `data` holds at least the whole header (more is fine), `file_size` is the size of the whole
    file. Raises AdapterFileError with a code and, where there is one, the tensor at fault.
    """
    end = header_end(data[:4096], file_size)
    if len(data) < end:
        raise AdapterFileError(
            "truncated",
            f"The header needs {end} bytes, {len(data)} are there.",
            hint=DAMAGED,
            byte=len(data),
        )
    tensors, metadata = _read(data, end)
    ordered = dict(sorted(tensors.items(), key=lambda item: (item[1].begin, item[1].end)))
    _check_data_section(ordered, end, file_size)
    return Header(ordered, metadata, end, file_size)


def read_header(file: BinaryIO, file_size: int) -> Header:
    """Read the header of an open file from its current position (the start of the adapter)."""
    head = file.read(4096)
    end = header_end(head, file_size)
    rest = file.read(end - len(head)) if end > len(head) else b""
    return parse_header(head + rest, file_size)


def _read(data: bytes, end: int) -> tuple[dict[str, TensorInfo], dict[str, str]]:
    reader = _Reader(data, _LENGTH_BYTES, end)
    try:
        return reader.header()
    except AdapterFileError as error:
        if error.byte is None:
            error.byte = reader.pos
        raise


def _check_data_section(tensors: dict[str, TensorInfo], start: int, file_size: int) -> None:
    """The tensors, in order, must cover the data section exactly."""
    data_size = file_size - start
    at = 0
    for name, tensor in tensors.items():
        if tensor.begin != at:
            hole = tensor.begin > at
            raise AdapterFileError(
                "offset_gap" if hole else "offset_overlap",
                f"Tensor {shown(name)} starts at byte {tensor.begin} of the data, "
                f"{'leaving a gap after' if hole else 'inside the tensor that ends at'} {at}.",
                hint=DAMAGED,
                key=name,
                byte=start + at,
            )
        at = tensor.end
    if at > data_size:
        raise AdapterFileError(
            "truncated",
            f"The tensors need {at} bytes of data, the file has {data_size}.",
            hint="The file was cut off: download or copy it again, then upload it.",
            byte=file_size,
        )
    if at < data_size:
        raise AdapterFileError(
            "trailing_bytes",
            f"{data_size - at} bytes follow the last tensor.",
            hint=DAMAGED,
            byte=start + at,
        )


class _Reader:
    """Reads exactly the grammar of a header; `pos` is the offset of the next byte."""

    def __init__(self, data: bytes, pos: int, end: int) -> None:
        self.data = data
        self.pos = pos
        self.end = end

    def header(self) -> tuple[dict[str, TensorInfo], dict[str, str]]:
        tensors: dict[str, TensorInfo] = {}
        metadata: dict[str, str] | None = None
        for name in self._members("the header"):
            if name == "__metadata__":
                if metadata is not None:
                    raise _duplicate("__metadata__")
                metadata = self._metadata()
                continue
            if name in tensors:
                raise _duplicate(name)
            if len(tensors) >= limits.MAX_TENSORS:
                raise AdapterFileError(
                    "too_many_tensors",
                    f"The file holds more than {limits.MAX_TENSORS} tensors.",
                    hint="An adapter is smaller than that; whole models belong elsewhere.",
                )
            check_name(name)
            tensors[name] = self._tensor(name)
        # Writers pad with spaces so that the data starts aligned; nothing else may follow.
        if self.data[self.pos : self.end].strip(b" "):
            raise self._bad("something follows the JSON object")
        if not tensors:
            raise AdapterFileError(
                "no_tensors", "The file holds no tensors.", hint="Upload the trained adapter."
            )
        return tensors, metadata or {}

    def _tensor(self, name: str) -> TensorInfo:
        self._peek()
        usual = _USUAL.match(self.data, self.pos, self.end)
        if usual:
            self.pos = usual.end()
            written = usual.groups()
            shape = [int(number) for number in written[1].split(b",") if number]
            offsets = [int(written[2]), int(written[3])]
            return tensor_info(name, written[0].decode(), shape, offsets)
        return self._unusual_tensor(name)

    def _unusual_tensor(self, name: str) -> TensorInfo:
        dtype: str | None = None
        shape: list[int] | None = None
        offsets: list[int] | None = None
        seen: set[str] = set()
        for field in self._members(f"tensor {shown(name)}"):
            if field in seen:
                raise _duplicate(name)
            seen.add(field)
            if field == "dtype":
                dtype = self._string("a dtype")
            elif field == "shape":
                shape = self._integers("bad_shape", name, limits.MAX_DIMS)
            elif field == "data_offsets":
                offsets = self._integers("bad_offsets", name, PAIR)
            else:
                raise AdapterFileError(
                    "unknown_field",
                    f"Tensor {shown(name)} has the unknown field {shown(field)}.",
                    hint=DAMAGED,
                    key=name,
                )
        if dtype is None or shape is None or offsets is None:
            raise AdapterFileError(
                "missing_field",
                f"Tensor {shown(name)} lacks dtype, shape or data_offsets.",
                hint=DAMAGED,
                key=name,
            )
        return tensor_info(name, dtype, shape, offsets)

    def _metadata(self) -> dict[str, str]:
        if self._peek() == b"n" and self.data.startswith(b"null", self.pos):
            self.pos += 4
            return {}
        found: dict[str, str] = {}
        total = 0
        for key in self._members("__metadata__"):
            if key in found:
                raise _duplicate(key)
            if self._peek() != b'"':
                raise AdapterFileError(
                    "metadata_not_string",
                    f"The metadata value of {shown(key)} is not a string.",
                    hint="Convert metadata values to strings before saving.",
                    key=key,
                )
            start = self.pos
            found[key] = self._string("a metadata value")
            total += self.pos - start + len(key)
            if (
                len(found) > limits.MAX_METADATA_KEYS
                or len(key) > limits.MAX_METADATA_KEY_CHARS
                or self.pos - start > limits.MAX_METADATA_VALUE_BYTES
                or total > limits.MAX_METADATA_BYTES
            ):
                raise AdapterFileError(
                    "metadata_too_large",
                    f"The metadata is too large at {shown(key)}.",
                    hint="Remove what is not needed (tag lists, pictures) and save again.",
                    key=key,
                )
            if "\0" in found[key] or not key.isprintable():
                raise AdapterFileError(
                    "bad_metadata",
                    f"The metadata entry {shown(key)} holds control characters.",
                    hint="Remove the entry and save again.",
                    key=key,
                )
        return found

    def _members(self, what: str) -> Iterator[str]:
        """The keys of the object here; the caller reads each value before asking for the next."""
        self._expect(b"{", what)
        if self._peek() == b"}":
            self.pos += 1
            return
        while True:
            key = self._string(f"a key of {what}")
            self._expect(b":", what)
            yield key
            if self._peek() == b"}":
                self.pos += 1
                return
            self._expect(b",", what)

    def _integers(self, code: str, name: str, most: int) -> list[int]:
        """A list of at most `most` unsigned 64-bit integers."""
        found: list[int] = []
        self._expect(b"[", f"the shape or offsets of tensor {shown(name)}")
        if self._peek() == b"]":
            self.pos += 1
            return found
        while True:
            self._peek()
            match = _INTEGER.match(self.data, self.pos, self.end)
            value = int(match[0]) if match else U64
            if not match or value >= U64 or len(found) >= most:
                raise AdapterFileError(
                    code,
                    f"The {'shape' if code == 'bad_shape' else 'data_offsets'} of tensor "
                    f"{shown(name)} is not a list of at most {most} plain integers.",
                    hint=DAMAGED,
                    key=name,
                )
            found.append(value)
            self.pos = match.end()
            if self._peek() == b"]":
                self.pos += 1
                return found
            self._expect(b",", f"the shape or offsets of tensor {shown(name)}")

    def _string(self, what: str) -> str:
        self._peek()
        match = _STRING.match(self.data, self.pos, self.end)
        if not match:
            raise self._bad(f"{what} should be a string")
        self.pos = match.end()
        try:
            text = match[1].decode()
            if "\\" in text:
                text = json.loads(f'"{text}"')
        except UnicodeDecodeError:
            raise AdapterFileError(
                "bad_utf8", f"In the header, {what} is not valid UTF-8.", hint=DAMAGED
            ) from None
        except ValueError:
            raise self._bad(f"{what} has a broken escape") from None
        if _SURROGATE.search(text):
            raise self._bad(f"{what} holds half a character")
        return text

    def _peek(self) -> bytes:
        """The next byte that is not white space; stops there."""
        match = _SPACE.match(self.data, self.pos, self.end)
        if match:
            self.pos = match.end()
        return self.data[self.pos : min(self.pos + 1, self.end)]

    def _expect(self, byte: bytes, what: str) -> None:
        if self._peek() != byte:
            raise self._bad(f"{what} needs {byte.decode()!r} here")
        self.pos += 1

    def _bad(self, what: str) -> AdapterFileError:
        return AdapterFileError(
            "header_invalid",
            f"The header is not valid at byte {self.pos}: {what}.",
            hint=DAMAGED,
        )


def _duplicate(key: str) -> AdapterFileError:
    return AdapterFileError(
        "duplicate_key",
        f"{shown(key)} appears twice in the header.",
        hint="Two programs would read such a file differently. " + DAMAGED,
        key=key[:100],
    )
