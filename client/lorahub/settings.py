"""Which hub, as whom, and where things are kept: arguments, then the environment, then what
`lorahub login` stored, then netrc.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from lorahub.errors import LorahubError, UsageError

DEFAULT_ENDPOINT = "http://127.0.0.1:8000"
_PORTS = {"http": 80, "https": 443}


def home() -> Path:
    try:
        return Path.home()
    except RuntimeError:
        raise LorahubError("Your home folder can't be found. Set HOME and try again.") from None


def _folder(variable: str, *otherwise: str) -> Path:
    """A folder of the XDG convention; a value that is not absolute counts as none."""
    given = os.environ.get(variable, "")
    if given and Path(given).is_absolute():
        return Path(given)
    return home().joinpath(*otherwise)


def config_dir() -> Path:
    if sys.platform == "win32" and os.environ.get("APPDATA"):
        return Path(os.environ["APPDATA"], "lorahub")
    return _folder("XDG_CONFIG_HOME", ".config") / "lorahub"


def cache_dir() -> Path:
    if given := os.environ.get("LORAHUB_CACHE"):
        return Path(given).expanduser()
    if sys.platform == "win32" and os.environ.get("LOCALAPPDATA"):
        return Path(os.environ["LOCALAPPDATA"], "lorahub", "cache")
    return _folder("XDG_CACHE_HOME", ".cache") / "lorahub"


def number(variable: str, otherwise: int, *, least: int, most: int) -> int:
    """A whole number from the environment."""
    given = os.environ.get(variable, "").strip()
    if not given:
        return otherwise
    if not given.isascii() or not given.isdigit() or not least <= int(given) <= most:
        raise UsageError(f"{variable} must be a number from {least} to {most}, not {given!r}.")
    return int(given)


def normal_endpoint(text: str) -> str:
    """The address of a hub in the one form under which its token is stored."""
    text = text.strip()
    if "://" not in text:
        raise UsageError(
            f"The hub's address {text!r} must begin with http:// or https://, "
            "as in https://hub.example."
        )
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise UsageError(f"The hub's address {text!r} can't be read.") from None
    scheme = parts.scheme.lower()
    if scheme not in _PORTS or not host or parts.query or parts.fragment:
        raise UsageError(f"The hub's address {text!r} is none: write https://hub.example.")
    if parts.username is not None:
        raise UsageError("A hub's address holds no password. Put the token in LORAHUB_TOKEN.")
    host = f"[{host}]" if ":" in host else host
    shown = "" if port in (None, _PORTS[scheme]) else f":{port}"
    return f"{scheme}://{host}{shown}{parts.path.rstrip('/')}"


class Login(NamedTuple):
    token: str
    name: str


class Logins:
    """What `lorahub login` stored: a token for each hub, and which hub is meant by default.

    One file, readable by its owner alone, replaced in one step.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or config_dir() / "logins.json"
        self._data = self._read()

    @property
    def default(self) -> str | None:
        value = self._data.get("default")
        return value if isinstance(value, str) else None

    def get(self, endpoint: str) -> Login | None:
        found = self._hubs().get(endpoint)
        if not isinstance(found, dict):
            return None
        token = found.get("token")
        if not isinstance(token, str) or not token:
            return None
        return Login(token, str(found.get("name", "")))

    def endpoints(self) -> list[str]:
        return [endpoint for endpoint in self._hubs() if self.get(endpoint)]

    def put(self, endpoint: str, login: Login) -> None:
        self._hubs()[endpoint] = {"token": login.token, "name": login.name}
        self._data["default"] = endpoint
        self._write()

    def remove(self, endpoint: str) -> bool:
        if self._hubs().pop(endpoint, None) is None:
            return False
        self._write()
        return True

    def _hubs(self) -> dict[str, Any]:
        hubs = self._data.setdefault("hubs", {})
        if not isinstance(hubs, dict):
            hubs = self._data["hubs"] = {}
        return hubs

    def _read(self) -> dict[str, Any]:
        try:
            data = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise LorahubError(f"{self.path} can't be read: {error.strerror}.") from error
        except ValueError:
            raise LorahubError(
                f"{self.path} is damaged. Delete it and run `lorahub login` again."
            ) from None
        return data if isinstance(data, dict) else {}

    def _write(self) -> None:
        making = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            making.unlink(missing_ok=True)
            # Made with its final mode: a token is never readable by others, not even for a moment.
            with os.fdopen(
                os.open(making, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w"
            ) as file:
                json.dump(self._data, file, indent=1)
            making.replace(self.path)
        except OSError as error:
            making.unlink(missing_ok=True)
            raise LorahubError(
                f"The login can't be stored in {self.path}: {error.strerror}. Use LORAHUB_TOKEN, "
                "or set XDG_CONFIG_HOME to a folder that can be written."
            ) from error


def find_endpoint(given: str | None = None) -> str:
    chosen = given or os.environ.get("LORAHUB_ENDPOINT") or Logins().default or DEFAULT_ENDPOINT
    return normal_endpoint(chosen)


def find_token(endpoint: str, given: str | None = None, *, environment: bool = True) -> str | None:
    """The token for a hub. Without `environment` LORAHUB_TOKEN does not count, because it was
    set for another hub.
    """
    token = given or (os.environ.get("LORAHUB_TOKEN") if environment else None)
    if not token:
        login = Logins().get(endpoint)
        token = login.token if login else _of_netrc(endpoint)
    return _clean(token) if token else None


def _clean(token: str) -> str | None:
    token = token.strip()
    if any(not "!" <= character <= "~" for character in token):
        raise UsageError("The token has spaces or strange characters in it. Copy it again.")
    return token or None


def _of_netrc(endpoint: str) -> str | None:
    """The password of the hub's host in netrc. Its `default` entry was not meant for us."""
    given = os.environ.get("NETRC")
    paths = [Path(given)] if given else [home() / ".netrc", home() / "_netrc"]
    path = next((path for path in paths if path.is_file()), None)
    host = urlsplit(endpoint).hostname
    if path is None or host is None:
        return None
    import netrc

    try:
        entry = netrc.netrc(str(path)).hosts.get(host)
    except (netrc.NetrcParseError, OSError, UnicodeDecodeError):
        # curl and pip go on without a file that they can't read.
        return None
    return entry[2] if entry else None
