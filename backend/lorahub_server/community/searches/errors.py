from lorahub_server.kit.errors import HubError, NotFound


class SearchNotFound(NotFound):
    code = "search_not_found"

    def __init__(self) -> None:
        super().__init__("You have no such saved search. List yours to see their ids.")


class InvalidSearch(HubError):
    status = 422
    code = "invalid_search"


class TooManySearches(HubError):
    status = 409
    code = "too_many_searches"
