from lorahub_server.kit.errors import HubError


class NotGated(HubError):
    status = 400
    code = "not_gated"

    def __init__(self) -> None:
        super().__init__("The repository is not gated: whoever can see it has its files.")


class HasAccess(HubError):
    status = 400
    code = "has_access"


class RequestNotFound(HubError):
    status = 404
    code = "access_request_not_found"


class RequestRejected(HubError):
    status = 409
    code = "access_rejected"

    def __init__(self, reason: str) -> None:
        said = f" The reason: {reason}" if reason else ""
        super().__init__(
            f"Your request was rejected.{said} Only the repository's owner can change that."
        )


class BadAnswer(HubError):
    """What was filled in does not fit the form; `place` names the field."""

    status = 422
    code = "bad_answer"
