"""Bytes by name, on a local disk or in S3."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from lorahub_server.storage.base import (
    CHUNK,
    ObjectInfo,
    ObjectMissing,
    ObjectStore,
    StorageError,
    StorageFull,
)
from lorahub_server.storage.local import LocalStore

__all__ = [
    "CHUNK",
    "ObjectInfo",
    "ObjectMissing",
    "ObjectStore",
    "StorageError",
    "StorageFull",
    "open_store",
]

_S3_OPTIONS = {"endpoint", "region", "public"}


def open_store(url: str, env: Mapping[str, str] | None = None) -> ObjectStore:
    """Open the store at `file:///path` or `s3://bucket/prefix?endpoint=...&region=...&public=...`.

    `public` is the address at which clients reach the bucket, or `off` to send every download
    through the hub. The keys come from LORAHUB_S3_ACCESS_KEY and LORAHUB_S3_SECRET_KEY in `env`
    (os.environ when None). Raises ValueError with a sentence for an address it cannot read.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        if parts.netloc or not parts.path.startswith("/"):
            raise ValueError(f"A local store is written file:///full/path, unlike {url!r}.")
        return LocalStore(Path(unquote(parts.path)))
    if parts.scheme == "s3":
        return _open_s3(parts.netloc, parts.path, parts.query, os.environ if env is None else env)
    raise ValueError(f"A store address starts with file:/// or s3://, unlike {url!r}.")


def _open_s3(bucket: str, path: str, query: str, env: Mapping[str, str]) -> ObjectStore:
    from lorahub_server.storage.s3 import S3Place, S3Store

    options = {name: values[-1] for name, values in parse_qs(query).items()}
    if not bucket:
        raise ValueError("An S3 store is written s3://bucket/prefix; the bucket is missing.")
    if unknown := sorted(set(options) - _S3_OPTIONS):
        raise ValueError(
            f"An S3 store has no option {unknown[0]!r}; there are {', '.join(sorted(_S3_OPTIONS))}."
        )
    public = options.get("public")
    return S3Store(
        S3Place(
            bucket=bucket,
            prefix=unquote(path).strip("/"),
            region=options.get("region", "us-east-1"),
            endpoint=options.get("endpoint"),
            public_endpoint=None if public == "off" else public,
            redirect=public != "off",
            access_key=env.get("LORAHUB_S3_ACCESS_KEY"),
            secret_key=env.get("LORAHUB_S3_SECRET_KEY"),
        )
    )
