"""Objects in an S3 bucket, or in anything that speaks S3."""

import queue
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Self

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store as Bucket

from lorahub_server.storage.base import (
    CHUNK,
    ObjectInfo,
    ObjectMissing,
    StorageError,
    check_key,
    check_prefix,
    check_range,
)
from lorahub_server.storage.sigv4 import content_disposition, presign_get

if TYPE_CHECKING:
    from obstore.store import S3Config

# S3 allows 10 000 parts of at least 5 MiB: 8 MiB parts carry 78 GiB.
_PART = 8 * 1024 * 1024
_PARTS_IN_FLIGHT = 3
_MAX_SERVER_COPY = 5 * 1024**3  # above this S3 refuses a copy in one request
_DELETE_BATCH = 1000


@dataclass(frozen=True, slots=True)
class S3Place:
    """Where the bucket is. Without keys the machine's own AWS credentials are looked up."""

    bucket: str
    prefix: str = ""
    region: str = "us-east-1"
    endpoint: str | None = None
    # The address browsers and clients reach the bucket at; None: `endpoint`.
    public_endpoint: str | None = None
    # False: downloads go through this server, for a bucket that nobody else can reach.
    redirect: bool = True
    access_key: str | None = None
    secret_key: str | None = None


class S3Store:
    def __init__(self, place: S3Place) -> None:
        self._place = place
        self._prefix = place.prefix.strip("/")
        endpoint = place.endpoint or f"https://s3.{place.region}.amazonaws.com"
        self._public = (place.public_endpoint or endpoint).rstrip("/")
        config: S3Config = {
            "region": place.region,
            "endpoint": endpoint.rstrip("/"),
            "virtual_hosted_style_request": False,
        }
        if place.access_key and place.secret_key:
            config["access_key_id"] = place.access_key
            config["secret_access_key"] = place.secret_key
        self._bucket = Bucket(
            place.bucket,
            prefix=self._prefix or None,
            config=config,
            client_options={
                "allow_http": endpoint.startswith("http://"),
                "connect_timeout": "5s",
                # Of a single read; the whole request may be a large file on a slow line.
                "read_timeout": "60s",
                "timeout": "6h",
            },
            retry_config={
                "max_retries": 5,
                "retry_timeout": timedelta(seconds=60),
                "backoff": {"max_backoff": timedelta(seconds=5)},
            },
        )

    def put(self, key: str, chunks: Iterable[bytes]) -> int:
        check_key(key)
        source = iter(chunks)
        head = b"".join(_at_least(source, _PART))
        if len(head) < _PART:
            with _as_storage_error(key):
                obstore.put(self._bucket, key, head, use_multipart=False)
            return len(head)
        size = len(head)
        with _Upload(self._bucket, key) as upload:
            upload.send(head)
            for chunk in source:
                upload.send(chunk)
                size += len(chunk)
        return size

    def get(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        with _as_storage_error(key):
            if start == 0 and end is None:
                stream = obstore.get(self._bucket, check_key(key)).stream(min_chunk_size=CHUNK)
                return _small_chunks(key, stream)
            # S3 answers an empty or out-of-bounds range with an error, hence the size first.
            size = obstore.head(self._bucket, check_key(key))["size"]
            first, stop = check_range(start, end, size)
            if first == stop:
                return iter(())
            answer = obstore.get(self._bucket, key, options={"range": (first, stop)})
            return _small_chunks(key, answer.stream(min_chunk_size=CHUNK))

    def read(self, key: str) -> bytes:
        return b"".join(self.get(key))

    def size(self, key: str) -> int | None:
        try:
            with _as_storage_error(key):
                return int(obstore.head(self._bucket, check_key(key))["size"])
        except ObjectMissing:
            return None

    def delete(self, keys: Iterable[str]) -> None:
        todo = [check_key(key) for key in keys]
        for at in range(0, len(todo), _DELETE_BATCH):
            with _as_storage_error(todo[at]):
                obstore.delete(self._bucket, todo[at : at + _DELETE_BATCH])

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        with _as_storage_error(prefix):
            for batch in obstore.list(self._bucket, check_prefix(prefix) or None, chunk_size=1000):
                for item in batch:
                    yield ObjectInfo(item["path"], item["size"], item["last_modified"])

    def compose(self, dst: str, parts: Sequence[str]) -> None:
        if not parts:
            raise ValueError("An object is composed of at least one part.")
        sizes = [self.size(part) for part in parts]
        if None in sizes:
            if self.size(dst) is None:
                raise ObjectMissing(parts[sizes.index(None)])
        elif len(parts) == 1 and (sizes[0] or 0) <= _MAX_SERVER_COPY:
            with _as_storage_error(parts[0]):
                obstore.copy(self._bucket, parts[0], check_key(dst))
        else:
            self.put(dst, chain.from_iterable(self.get(part) for part in parts))
        self.delete(parts)

    def local_path(self, key: str) -> Path | None:
        check_key(key)
        return None

    def signed_url(self, key: str, *, filename: str, expires_s: int = 3600) -> str | None:
        place = self._place
        if not (place.redirect and place.access_key and place.secret_key):
            return None
        path = "/".join(part for part in (place.bucket, self._prefix, check_key(key)) if part)
        return presign_get(
            f"{self._public}/{path}",
            access_key=place.access_key,
            secret_key=place.secret_key,
            region=place.region,
            now=datetime.now(UTC),
            expires_s=expires_s,
            extra={
                "response-content-disposition": content_disposition(filename),
                "response-content-type": "application/octet-stream",
            },
        )


class _Upload:
    """A multipart upload fed by `send`; leaving with an exception stores nothing.

    The library would pull from an iterator on a thread of its own, where a source that reads
    from a store cannot run. So the caller pushes, and the library's thread takes from a queue.
    """

    def __init__(self, bucket: Bucket, key: str) -> None:
        self._queue: queue.Queue[bytes | None] = queue.Queue(maxsize=4)
        self._broken = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="s3-put")
        self._key = key
        self._result = self._thread.submit(
            obstore.put,
            bucket,
            key,
            self._chunks(),
            use_multipart=True,
            chunk_size=_PART,
            max_concurrency=_PARTS_IN_FLIGHT,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        self._broken = kind is not None
        try:
            self._push(None)
            with _as_storage_error(self._key):
                self._result.result()
        except Exception:
            if error is None:  # else the caller's own error says why
                raise
        finally:
            self._thread.shutdown(wait=True)

    def send(self, chunk: bytes) -> None:
        if not self._push(chunk):
            with _as_storage_error(self._key):
                self._result.result()
            raise StorageError("The object store ended the upload early.")

    def _push(self, chunk: bytes | None) -> bool:
        """Queue the chunk; False when the library has already stopped taking any."""
        while not self._result.done():
            with suppress(queue.Full):
                self._queue.put(chunk, timeout=0.5)
                return True
        return False

    def _chunks(self) -> Iterator[bytes]:
        while (chunk := self._queue.get()) is not None:
            yield chunk
        if self._broken:
            raise _SourceBrokeError


class _SourceBrokeError(Exception):
    """Tells the library to abort the upload."""


def _at_least(source: Iterator[bytes], size: int) -> Iterator[bytes]:
    while size > 0 and (chunk := next(source, None)) is not None:
        size -= len(chunk)
        yield chunk


@contextmanager
def _as_storage_error(key: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise ObjectMissing(key) from error
    except BaseError as error:
        # The library's text goes on over many lines and may repeat a signed address.
        reason = type(error).__name__
        raise StorageError(f"The object store did not answer as it should ({reason}).") from error


def _small_chunks(key: str, stream: Iterable[bytes]) -> Iterator[bytes]:
    with _as_storage_error(key):
        for chunk in stream:
            view = memoryview(chunk)
            for at in range(0, len(view), CHUNK):
                yield bytes(view[at : at + CHUNK])
