from lorahub_server.kit.errors import HubError


class VariantNotFound(HubError):
    """There is none of that id here, or it was made from a file that this repository lacks."""

    status = 404
    code = "variant_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such variant. Ask for it with a layout, a dtype or a rank.")


class NotConvertible(HubError):
    """The wish can't be fulfilled for this file; asking again changes nothing."""

    status = 422
    code = "not_convertible"


class VariantPending(HubError):
    """It is being made. Clients that know `Retry-After` simply ask again."""

    status = 503
    code = "variant_pending"

    def __init__(self, retry_after: int) -> None:
        super().__init__(
            "The file is being made. Ask for it again in a moment.", retry_after=retry_after
        )
        self.retry_after = retry_after
