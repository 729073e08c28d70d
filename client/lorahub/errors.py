"""What can go wrong, as exceptions: a sentence for a person, a code and an exit code for programs.

Every one is a LorahubError. `lorahub` on the command line ends with `exit_code`:
1 failed, 2 usage, 3 not found or gone, 4 not allowed or not signed in, 5 verification failed,
6 network.
"""

from collections.abc import Mapping
from typing import Any

UNAUTHORIZED = 401
FORBIDDEN = 403
NOT_FOUND = 404
CONFLICT = 409
GONE = 410
UNPROCESSABLE = 422
TOO_MANY = 429


class LorahubError(Exception):
    """What was asked was not done; `str(error)` says why and what to do next."""

    exit_code = 1
    code = "failed"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code

    def to_dict(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message}


class UsageError(LorahubError):
    """The call itself makes no sense."""

    exit_code = 2
    code = "usage"


class FileMissing(LorahubError):
    """Something that was named is not there, on this machine or in the repository."""

    exit_code = 3
    code = "not_found"


class VerificationFailed(LorahubError):
    """Bytes are not what they should be; nothing was placed or published."""

    exit_code = 5
    code = "verification_failed"


class NetworkFailed(LorahubError):
    """The hub, or what lies between, did not answer properly, also after trying again."""

    exit_code = 6
    code = "network"


class ServerError(LorahubError):
    """The hub refused. `code` is stable, `place` names the field or file at fault, `details` has
    what else the hub said, `request_id` is what its administrator needs to find the request.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: str = "failed",
        place: str | None = None,
        request_id: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, code=code)
        self.status = status
        self.place = place
        self.request_id = request_id
        self.details = dict(details or {})

    def to_dict(self) -> dict[str, Any]:
        more = {"status": self.status, "place": self.place, "request_id": self.request_id}
        return {**super().to_dict(), **more, **self.details}


class NotFound(ServerError):
    exit_code = 3


class Gone(NotFound):
    """It was there and was deleted."""


class NotAllowed(ServerError):
    exit_code = 4


class NotSignedIn(NotAllowed):
    """No token was sent, or it does not count (any more)."""


class Conflict(ServerError):
    """What is there already stands against it."""


class Unavailable(ServerError):
    """The hub is there but can't serve now."""

    exit_code = 6


_KINDS: dict[int, type[ServerError]] = {
    UNAUTHORIZED: NotSignedIn,
    FORBIDDEN: NotAllowed,
    NOT_FOUND: NotFound,
    GONE: Gone,
    CONFLICT: Conflict,
    TOO_MANY: Unavailable,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


def server_error(status: int, answer: object, said: str) -> ServerError:
    """The exception for an answer of the hub. `answer` is its JSON, if it was any; `said` is what
    to say when it was none.
    """
    error = answer.get("error") if isinstance(answer, dict) else None
    kind = _KINDS.get(status, ServerError)
    if not isinstance(error, dict):
        return kind(said, status=status, code=f"http_{status}")
    known = ("code", "message", "place", "request_id")
    place = error.get("place")
    return kind(
        str(error.get("message") or said),
        status=status,
        code=str(error.get("code") or f"http_{status}"),
        place=place if isinstance(place, str) else None,
        request_id=_text(error.get("request_id")),
        details={key: value for key, value in error.items() if key not in known},
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
