from typing import Any

from lorahub_server.kit.errors import HubError, TooLarge


class UploadNotFound(HubError):
    """There is no such upload, or it is somebody else's."""

    status = 404
    code = "upload_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such upload, or it has expired. Start a new one.")


class InvalidUpload(HubError):
    """What was announced about the file can't be."""

    status = 422
    code = "invalid_upload"


class FileTooLarge(TooLarge):
    code = "file_too_large"


class StagingFull(HubError):
    status = 413
    code = "staging_full"


class StoreFull(HubError):
    """The hub itself has no room left."""

    status = 507
    code = "storage_full"

    def __init__(self) -> None:
        super().__init__("The hub has no room for more files. Tell its operator, then go on.")


class OffsetMismatch(HubError):
    """The bytes don't continue what is there; `offset` in the details is where to go on."""

    status = 409
    code = "offset_mismatch"

    def __init__(self, offset: int) -> None:
        super().__init__(f"The upload goes on at byte {offset}. Send it from there.", offset=offset)


class UploadOverrun(HubError):
    """More bytes than announced."""

    status = 409
    code = "upload_overrun"

    def __init__(self, size: int) -> None:
        super().__init__(
            f"More came than the {size} bytes that were announced. Cancel the upload and announce "
            "the file's true size."
        )


class UploadIncomplete(HubError):
    status = 409
    code = "upload_incomplete"

    def __init__(self, offset: int, size: int) -> None:
        super().__init__(
            f"Of {size} bytes {offset} have arrived. Send the rest first.", offset=offset
        )


class UploadClosed(HubError):
    """The upload is finished and takes no more bytes."""

    status = 409
    code = "upload_closed"

    def __init__(self) -> None:
        super().__init__("The upload is finished. Commit its file, or start a new upload.")


class HashMismatch(HubError):
    status = 422
    code = "sha256_mismatch"

    def __init__(self, announced: str, found: str) -> None:
        super().__init__(
            "The bytes that arrived have another SHA-256 than was announced: the file changed "
            "meanwhile, or was damaged on the way. Upload it again.",
            announced=announced,
            found=found,
        )


class BadFile(HubError):
    """The content was refused; the code is the one that reading the file gave."""

    status = 422
    code = "bad_file"

    def __init__(self, code: str, message: str, place: str | None = None, **more: Any) -> None:
        super().__init__(message, place=place, **more)
        # The reader of adapter files knows more codes than there are classes here.
        self.__dict__["code"] = code
