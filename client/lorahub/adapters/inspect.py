"""Everything about an adapter file in one pass over its bytes: header facts, hashes, health.

Memory stays bounded whatever the file: the header (limited), one window of values, and a few
counters per module.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from lorahub.adapters import limits
from lorahub.adapters.container import Header, header_end, parse_header
from lorahub.adapters.errors import AdapterFileError
from lorahub.adapters.hashes import FileHashes
from lorahub.adapters.kinds import HEAD_BYTES
from lorahub.adapters.metadata import number
from lorahub.adapters.suffixes import split_name
from lorahub.adapters.summary import Summary, summarise
from lorahub.adapters.tensors import TensorInfo
from lorahub.adapters.values import FLOAT_BYTES, Findings, scalar, scan

_ALPHA_SUFFIXES = (".alpha", ".network_alpha")


@dataclass(slots=True)
class Inspection:
    """What one pass found. `health` lists at most 100 modules per finding and counts them all."""

    summary: Summary
    hashes: dict[str, str]
    health: dict[str, object]
    data_sha256: str

    def to_dict(self) -> dict[str, object]:
        return {
            "summary": self.summary.to_dict(),
            "hashes": self.hashes,
            "health": self.health,
            "data_sha256": self.data_sha256,
        }


class StreamInspector:
    """Feed a file in chunks of any size, then ask for the result.

    `size`: bytes of the whole file; `config`: the parsed adapter_config.json next to it, if any.
    feed and finish raise AdapterFileError as soon as the file shows what is wrong with it.
    """

    def __init__(self, size: int, config: Mapping[str, object] | None = None) -> None:
        self._size = size
        self._config = config
        self._hashes = FileHashes()
        self._head = bytearray()
        self._header: Header | None = None
        self._summary: Summary | None = None
        self._fed = 0
        # The tensors in data order, the index of the current one, and the bytes of a value that
        # the end of a chunk cut through.
        self._tensors: list[tuple[str, TensorInfo]] = []
        self._current = 0
        self._at = 0
        self._carry = b""
        self._findings: dict[str, Findings] = {}
        self._alphas: dict[str, float] = {}

    @property
    def header(self) -> Header | None:
        """The header, once enough bytes were fed."""
        return self._header

    def feed(self, chunk: bytes | bytearray | memoryview) -> None:
        view = memoryview(chunk).cast("B") if len(chunk) else memoryview(b"")
        self._fed += len(view)
        if self._fed > self._size:
            raise AdapterFileError(
                "size_mismatch",
                f"More than the announced {self._size} bytes arrived.",
                hint="Upload the file again.",
            )
        self._hashes.feed(view)
        if self._header is None:
            view = self._take_header(view)
        if self._header is not None and len(view):
            self._take_values(view)

    def finish(self) -> Inspection:
        if self._fed != self._size:
            raise AdapterFileError(
                "truncated",
                f"{self._fed} of {self._size} bytes arrived.",
                hint="Upload the whole file.",
            )
        if self._header is None or self._summary is None:
            header_end(bytes(self._head), self._size)
            raise AdapterFileError("truncated", "The header is cut off.")
        self._read_alphas(self._summary)
        return Inspection(
            self._summary, self._hashes.finish(), self._health(), self._hashes.data_sha256
        )

    def _take_header(self, view: memoryview) -> memoryview:
        """Collect the header; gives back what of `view` belongs to the data section."""
        needed = min(HEAD_BYTES, self._size)
        before = len(self._head)
        self._head += view[: max(needed - before, 0)]
        if len(self._head) < needed:
            return view[:0]
        end = header_end(bytes(self._head[:HEAD_BYTES]), self._size)
        self._head += view[len(self._head) - before : max(end - before, 0)]
        if len(self._head) < end:
            return view[:0]
        self._header = parse_header(bytes(self._head), self._size)
        self._summary = summarise(self._header, self._config)
        self._tensors = list(self._header.tensors.items())
        # The head may have taken bytes of the data section from this and earlier chunks.
        early = bytes(self._head[end:before]) if before > end else b""
        rest = view[max(end - before, 0) :]
        self._head = bytearray()
        self._hashes.start_data(early + rest if early else rest)
        if early:
            self._take_values(memoryview(early))
        return rest

    def _take_values(self, view: memoryview) -> None:
        while len(view):
            name, info = self._tensors[self._current]
            piece = view[: info.end - self._at]
            self._at += len(piece)
            view = view[len(piece) :]
            self._take_piece(name, info, piece)
            while self._current < len(self._tensors) and self._at >= (
                self._tensors[self._current][1].end
            ):
                self._current += 1

    def _take_piece(self, name: str, info: TensorInfo, piece: memoryview) -> None:
        width = FLOAT_BYTES.get(info.dtype, 1)
        findings = self._findings.setdefault(name, Findings())
        if self._carry:
            take = min(width - len(self._carry), len(piece))
            self._carry += bytes(piece[:take])
            piece = piece[take:]
            if len(self._carry) < width:
                return
            self._take_whole(name, info, memoryview(self._carry), findings)
            self._carry = b""
        cut = len(piece) - len(piece) % width
        if cut:
            self._take_whole(name, info, piece[:cut], findings)
        self._carry = bytes(piece[cut:])

    def _take_whole(
        self, name: str, info: TensorInfo, piece: memoryview, findings: Findings
    ) -> None:
        scan(piece, info.dtype, findings)
        if info.elements == 1 and name.endswith(_ALPHA_SUFFIXES):
            value = scalar(piece, info.dtype)
            if value is not None:
                self._alphas[name] = value

    def _read_alphas(self, summary: Summary) -> None:
        values = [value for value in self._alphas.values() if number(value) is not None]
        if values:
            # The stored numbers are what programs use; metadata may be older than the weights.
            summary.alpha = number(max(set(values), key=values.count))

    def _embedding(self, name: str) -> tuple[str, str, str] | None:
        """The vectors of a textual inversion are all the adapter there is."""
        embedding = self._summary is not None and self._summary.layout == "embedding"
        return (name, "", "prompt") if embedding else None

    def _health(self) -> dict[str, object]:
        nan: dict[str, None] = {}
        inf: dict[str, None] = {}
        zero: dict[str, None] = {}
        unchecked = 0
        for name, info in self._tensors:
            findings = self._findings[name]
            split = split_name(name) or self._embedding(name)
            module = split[0] if split else name
            if info.dtype not in FLOAT_BYTES:
                unchecked += 1
                continue
            if findings.nan:
                nan[module] = None
            if findings.inf:
                inf[module] = None
            # A module with one all-zero factor changes nothing; a zero bias or alpha is normal.
            if findings.zero and split and split[2] in _FACTORS:
                zero[module] = None
        return {
            "nan_modules": list(nan)[: limits.MAX_LISTED],
            "inf_modules": list(inf)[: limits.MAX_LISTED],
            "zero_modules": list(zero)[: limits.MAX_LISTED],
            "nan_count": len(nan),
            "inf_count": len(inf),
            "zero_count": len(zero),
            "unchecked_tensors": unchecked,
            "alphas": sorted(set(self._alphas.values()))[: limits.MAX_LISTED],
        }


_FACTORS = frozenset(
    {
        "down", "up", "mid", "embedding_down", "embedding_up", "w1", "w2", "w1_a", "w1_b",
        "w2_a", "w2_b", "t1", "t2", "diff", "prompt",
    }
)  # fmt: skip
