from lorahub_server.kit.errors import HubError


class CollectionNotFound(HubError):
    """There is no such collection, or it is somebody else's secret: nobody can tell which."""

    status = 404
    code = "collection_not_found"

    def __init__(self) -> None:
        super().__init__(
            "There is no such collection, or it is private. Check the address, or sign in with an "
            "account that may see it."
        )


class CollectionExists(HubError):
    status = 409
    code = "collection_exists"

    def __init__(self, title: str, slug: str) -> None:
        super().__init__(
            f"There is a collection {title} already. Use it, or choose another title.",
            place="title",
            slug=slug,
        )
        self.slug = slug


class InvalidCollection(HubError):
    status = 422
    code = "invalid_collection"


class TooManyCollections(HubError):
    status = 409
    code = "too_many_collections"


class ItemExists(HubError):
    status = 409
    code = "item_exists"

    def __init__(self) -> None:
        super().__init__("That is in the collection already. Change its note instead.")


class ItemNotFound(HubError):
    status = 404
    code = "item_not_found"


class ItemKindUnknown(HubError):
    """Collections hold what the hub holds: models, and other collections."""

    status = 422
    code = "item_kind_unknown"
