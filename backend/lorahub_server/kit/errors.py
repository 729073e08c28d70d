"""The root of every error that a person may see."""

from typing import Any, ClassVar


class HubError(Exception):
    """What was asked can't be done, and the message says what to do next.

    A class has the HTTP status and a stable code for programs. `place` names the field, path or
    tensor at fault; `details` are further facts that a program may want, all of them public.
    """

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad_request"

    def __init__(self, message: str, *, place: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.details = details

    def to_dict(self) -> dict[str, Any]:
        """Return the error as the hub's own API sends it."""
        return {"code": self.code, "message": self.message, "place": self.place, **self.details}


class BadRequest(HubError):
    """The request itself is malformed."""


class NotFound(HubError):
    status = 404
    code = "not_found"


class TooLarge(HubError):
    status = 413
    code = "too_large"
