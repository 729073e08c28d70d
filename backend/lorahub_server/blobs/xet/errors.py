from lorahub_server.kit.errors import HubError


class BadXorb(HubError):
    """A bundle of chunks that is not what it should be."""

    status = 422
    code = "bad_xorb"


class BadShard(HubError):
    """A list of files that can't be read, or doesn't fit the chunks it names."""

    status = 422
    code = "bad_shard"


class ChunksMissing(HubError):
    """A shard names chunks that were not sent here."""

    status = 422
    code = "chunks_missing"

    def __init__(self) -> None:
        super().__init__("The hub lacks chunks that this upload builds on. Start it again.")


class XetTokenInvalid(HubError):
    """The token of a Xet upload is wrong or too old; clients ask for a new one by themselves."""

    status = 401
    code = "xet_token_invalid"

    def __init__(self) -> None:
        super().__init__("The upload's token is wrong or has expired. Start the upload again.")


class SpaceGone(HubError):
    """What was sent before has expired."""

    status = 410
    code = "xet_space_gone"

    def __init__(self) -> None:
        super().__init__("The upload was idle for too long and has expired. Start it again.")
