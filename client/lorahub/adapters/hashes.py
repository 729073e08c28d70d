"""The hashes by which tools of the image world name a file, all computed in one pass."""

import hashlib
import zlib
from typing import Any

_AUTOV1_START = 1024 * 1024
_AUTOV1_BYTES = 64 * 1024


class FileHashes:
    """SHA256 (whole file), AutoV1 (64 KiB at 1 MiB), AutoV2 (start of SHA256), AutoV3 (start of
    the SHA256 of what follows the header), BLAKE3 and CRC32. Values are lower-case hex.
    """

    def __init__(self) -> None:
        from blake3 import blake3

        self._sha256 = hashlib.sha256()
        self._autov1 = hashlib.sha256()
        self._data = hashlib.sha256()
        self._blake3: Any = blake3()
        self._crc = 0
        self._at = 0
        self._in_data = False

    def start_data(self, seen: bytes | memoryview) -> None:
        """Say that the data section has begun; `seen`: its bytes that feed has had already."""
        self._in_data = True
        self._data.update(seen)

    def feed(self, chunk: memoryview) -> None:
        self._sha256.update(chunk)
        self._blake3.update(chunk)
        self._crc = zlib.crc32(chunk, self._crc)
        begin = max(_AUTOV1_START - self._at, 0)
        end = _AUTOV1_START + _AUTOV1_BYTES - self._at
        if begin < len(chunk) and end > 0:
            self._autov1.update(chunk[begin:end])
        if self._in_data:
            self._data.update(chunk)
        self._at += len(chunk)

    def finish(self) -> dict[str, str]:
        sha256 = self._sha256.hexdigest()
        return {
            "SHA256": sha256,
            "AutoV1": self._autov1.hexdigest()[:8],
            "AutoV2": sha256[:10],
            "AutoV3": self._data.hexdigest()[:12],
            "BLAKE3": self._blake3.hexdigest(),
            "CRC32": f"{self._crc:08x}",
        }

    @property
    def data_sha256(self) -> str:
        """SHA256 of the data section: what `sshs_model_hash` in the metadata should be."""
        return self._data.hexdigest()
