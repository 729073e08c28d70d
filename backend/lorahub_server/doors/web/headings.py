"""What a list is called."""

from lorahub_server.doors.web import families, words
from lorahub_server.doors.web.browsing import State

_BY_ORDER = {
    "trending": "Trending",
    "newest": "Newest adapters",
    "updated": "Lately updated",
    "stars": "Most starred",
    "downloads": "Most downloaded",
    "smallest": "Smallest adapters",
    "name": "All adapters",
}


def of(state: State) -> str:
    """Return the heading of a list: what it was asked for, or how it is ordered."""
    query = state.query
    if query.text:
        return f"Adapters for “{query.text}”"
    if query.family:
        return f"Adapters for {families.family_label(query.family)}"
    if query.tags:
        return f"Adapters tagged {', '.join(query.tags)}"
    if query.owner:
        return f"Adapters by {query.owner}"
    if query.method:
        return f"{words.method_label(query.method)} adapters"
    return _BY_ORDER.get(query.sort, "Adapters")
