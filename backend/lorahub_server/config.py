"""The settings: from LORAHUB_* variables, with defaults that make a hub in one folder."""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_SECRET_BYTES = 32
_SECRET_MIN = 16


class Settings(BaseSettings):
    """`data` is the folder that holds everything unless the addresses below lead elsewhere."""

    model_config = SettingsConfigDict(env_prefix="LORAHUB_", extra="ignore", frozen=True)

    data: Path = Path("data")
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    # Where people reach the hub, when that is not the address it listens on.
    public_url: str = ""
    database_url: str = ""
    store_url: str = ""
    carrier: Literal["local", "celery"] = "local"
    redis_url: str | None = None
    # Job worker processes that `serve` starts.
    workers: int = Field(1, ge=0, le=64)
    # Of those that render previews; None: one where PyTorch and diffusers are installed.
    gpu_workers: int | None = Field(None, ge=0, le=64)
    # Keys the hashes of tokens and sessions; made on the first start when not given.
    secret: SecretStr | None = None
    # Who may make accounts on the web: everybody, or nobody (then: `lorahub-server accounts add`).
    signup: Literal["open", "closed"] = "open"
    # Proxies whose X-Forwarded-For and -Proto are believed: addresses or networks, with commas.
    trusted_proxies: str = ""
    # Where webhooks may go beside the public internet: hosts, addresses, networks, with commas.
    webhook_private_hosts: str = ""
    # Another hub, which answers for repositories under names that nobody has here.
    upstream: str = ""
    max_file_bytes: int = Field(32 * 1024**3, ge=1)
    # Bytes that one account may have in uploads that are not published yet.
    max_staged_bytes: int = Field(64 * 1024**3, ge=1)
    # Bytes of base models that a worker keeps in memory; None: 60 % of what its device has.
    preview_memory: int | None = Field(None, ge=1)
    # A function of the workers, `module:function`, that rates what they render.
    classifier: str | None = None
    # What one account may ask of the playground; 0 an hour turns it off.
    plays_per_hour: int = Field(30, ge=0, le=100_000)
    plays_at_once: int = Field(3, ge=1, le=1000)

    @field_validator("data", mode="after")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        # Resolved once: a process that changes its folder must not find another hub.
        return value.expanduser().absolute()

    @field_validator("public_url", mode="after")
    @classmethod
    def _bare(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("it begins with http:// or https://")
        return value.rstrip("/")

    @field_validator("upstream", mode="after")
    @classmethod
    def _address(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("it begins with http:// or https://, and names a host")
        if "@" in parts.netloc or parts.query or parts.fragment or not value.isprintable():
            raise ValueError("it is an address alone, without a name, password or query")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _somebody_else(self) -> Self:
        own = {self.public_url, f"http://{self.host}:{self.port}"}
        own |= {f"http://{name}:{self.port}" for name in ("127.0.0.1", "localhost", "[::1]")}
        if self.upstream and self.upstream.lower() in {address.lower() for address in own}:
            raise ValueError("upstream is another hub, and this is the address of this one")
        return self

    @field_validator("secret", mode="after")
    @classmethod
    def _long(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < _SECRET_MIN:
            raise ValueError(f"it has at least {_SECRET_MIN} characters")
        return value

    def model_post_init(self, context: Any, /) -> None:
        del context
        if not self.database_url:
            self.__dict__["database_url"] = f"sqlite:///{self.data / 'hub.db'}"
        if not self.store_url:
            self.__dict__["store_url"] = (self.data / "objects").as_uri()

    def secret_key(self) -> bytes:
        """Return the hub's secret; on the first call of a new hub make it and keep it."""
        if self.secret is not None:
            return self.secret.get_secret_value().encode()
        kept = _kept_secrets.get(self.data)
        if kept is None:
            kept = _kept_secrets[self.data] = _read_or_make(self.data / "secret.key")
        return kept


_kept_secrets: dict[Path, bytes] = {}


def _read_or_make(path: Path) -> bytes:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    own = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    if not path.exists():
        own.touch(mode=0o600)
        own.write_text(secrets.token_urlsafe(_SECRET_BYTES))
        # Of two processes at once one makes the file; both use that one.
        with suppress(FileExistsError):
            os.link(own, path)
        own.unlink()
    return path.read_text().strip().encode()
