"""Forms with large files, read as they arrive: no file is ever held in memory or on a disk here."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from lorahub_server.doors.web.forms import BadForm

_PARTS_MAX = 60
_FIELD_BYTES = 64 * 1024
_BROKEN = "The form can't be read. Go back, load the page again and send it again."
_DISPOSITION = b"content-disposition"
_Event = tuple[Literal["name", "value", "headers", "data", "end"], bytes]


@dataclass(slots=True)
class Part:
    """A field of the form, or a file when it has a file name. Read `data` before the next part."""

    name: str
    filename: str | None
    data: Iterator[bytes]

    def text(self) -> str:
        received = bytearray()
        for piece in self.data:
            received += piece
            if len(received) > _FIELD_BYTES:
                raise BadForm("A field of the form is too long. Shorten it and send it again.")
        return received.decode("utf-8", "replace").replace("\0", "\ufffd")


def parts(chunks: Iterable[bytes], content_type: str) -> Iterator[Part]:
    """Yield the parts of a multipart body; raises BadForm for one that is broken."""
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise BadForm(_BROKEN)
    reader = _Reader(chunks, boundary)
    for _ in range(_PARTS_MAX):
        headers = reader.headers()
        if headers is None:
            return
        part = _part(headers, reader.data())
        yield part
        for _ in part.data:
            pass  # what nobody read
    raise BadForm("The form has too many parts. Send fewer files at once.")


def _part(headers: dict[bytes, bytes], data: Iterator[bytes]) -> Part:
    _, options = parse_options_header(headers.get(_DISPOSITION, b""))
    filename = options.get(b"filename")
    return Part(
        name=options.get(b"name", b"").decode("utf-8", "replace"),
        filename=None if filename is None else _plain_name(filename),
        data=data,
    )


def _plain_name(raw: bytes) -> str:
    """Return the file's own name: some browsers send the folders too."""
    return raw.decode("utf-8", "replace").replace("\\", "/").rpartition("/")[2]


class _Reader:
    """Makes of the parser, which calls back, something that is asked for what comes next."""

    def __init__(self, chunks: Iterable[bytes], boundary: bytes) -> None:
        self._chunks = iter(chunks)
        self._events: deque[_Event] = deque()
        self._parser = MultipartParser(
            boundary,
            {
                "on_header_field": lambda data, start, end: self._add("name", data[start:end]),
                "on_header_value": lambda data, start, end: self._add("value", data[start:end]),
                "on_headers_finished": lambda: self._add("headers"),
                "on_part_data": lambda data, start, end: self._add("data", data[start:end]),
                "on_part_end": lambda: self._add("end"),
                "on_end": self._finish,
            },
        )
        self._is_over = False

    def headers(self) -> dict[bytes, bytes] | None:
        """Return the headers of the next part; None after the last one."""
        found: dict[bytes, bytes] = {}
        name, is_value = b"", False
        while (event := self._next()) is not None:
            kind, data = event
            if kind == "headers":
                return found
            if kind == "name":
                name, is_value = (data, False) if is_value else (name + data, False)
            elif kind == "value":
                is_value = True
                key = name.lower()
                found[key] = found.get(key, b"") + data
        if not self._is_over:
            raise BadForm(_BROKEN)
        return None

    def data(self) -> Iterator[bytes]:
        """Yield what the present part holds."""
        while True:
            event = self._next()
            if event is None:
                raise BadForm(_BROKEN)
            kind, data = event
            if kind == "end":
                return
            yield data

    def _add(
        self, kind: Literal["name", "value", "headers", "data", "end"], data: bytes = b""
    ) -> None:
        self._events.append((kind, bytes(data)))

    def _finish(self) -> None:
        self._is_over = True

    def _next(self) -> _Event | None:
        while not self._events:
            chunk = next(self._chunks, None)
            if chunk is None:
                return None
            if self._is_over:
                continue  # what follows the end means nothing
            try:
                self._parser.write(chunk)
            except MultipartParseError as error:
                raise BadForm(_BROKEN) from error
        return self._events.popleft()
