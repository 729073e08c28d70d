from lorahub_server.kit.errors import BadRequest, HubError


class InvalidCard(HubError):
    """The card's front matter can't be read; `place` names the line."""

    status = 422
    code = "invalid_card"


class BadSort(BadRequest):
    code = "bad_sort"
