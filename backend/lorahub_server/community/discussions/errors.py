from collections.abc import Sequence

from lorahub_server.kit.errors import HubError

# Conflicting files that an error lists, and those that its sentence names.
_SHOWN, _NAMED = 100, 3


class ThreadNotFound(HubError):
    status = 404
    code = "discussion_not_found"

    def __init__(self, message: str = "") -> None:
        super().__init__(message or "There is no discussion of this number. Check the number.")


class CommentNotFound(HubError):
    status = 404
    code = "comment_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such comment in this discussion. Check its id.")


class BadText(HubError):
    """A title or a comment that can't be kept; `place` names it."""

    status = 422
    code = "bad_text"


class WrongStatus(HubError):
    """What is asked for can't be done with a thread that is closed, merged, or not a draft."""

    status = 409
    code = "wrong_status"


class NoPullRequest(HubError):
    status = 409
    code = "not_a_pull_request"

    def __init__(self, num: int) -> None:
        super().__init__(f"Number {num} is a discussion. Only a pull request has commits.")


class ThreadFull(HubError):
    status = 409
    code = "discussion_full"

    def __init__(self) -> None:
        super().__init__("The discussion is full. Open another one, and link to this.")


class TooManyThreads(HubError):
    status = 409
    code = "too_many_discussions"


class NothingToMerge(HubError):
    status = 409
    code = "nothing_to_merge"


class HeadMoved(HubError):
    """The pull request has other commits than those that were looked at."""

    status = 409
    code = "head_moved"

    def __init__(self, head: str) -> None:
        super().__init__("The pull request has changed. Look at it again, then merge.", head=head)


class MergeConflict(HubError):
    status = 409
    code = "merge_conflict"

    def __init__(self, target: str, files: Sequence[str]) -> None:
        shown = ", ".join(files[:_NAMED]) + (" and others" if len(files) > _NAMED else "")
        super().__init__(
            f"The pull request and {target} both changed {shown}. Bring the changes of {target} "
            "into the pull request, then merge.",
            files=list(files[:_SHOWN]),
        )
