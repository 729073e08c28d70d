from collections.abc import Mapping
from typing import Any

from lorahub_server.kit.errors import HubError


class RepoNotFound(HubError):
    """There is no such repository, or it is somebody else's secret: nobody can tell which."""

    status = 404
    code = "repo_not_found"

    def __init__(self) -> None:
        super().__init__(
            "There is no such repository, or it is private. Check the name, or sign in with an "
            "account that may see it."
        )


class RepoGone(HubError):
    """The repository was deleted; told only to those who could see it while it was there.

    `tombstone` in the details is what it was, as library.tombstones tells it.
    """

    status = 410
    code = "repo_gone"

    def __init__(self, tombstone: Mapping[str, Any] | None = None) -> None:
        self.tombstone = tombstone
        stone = tombstone or {}
        by = "the hub's administrators" if stone.get("removed_by") == "administrators" else None
        said = f"The repository was deleted by {by or 'its owner'}. Its name stays unused."
        if stone.get("reason"):
            said += f" The reason given: {stone['reason']}"
        super().__init__(said)
        if stone:
            self.details = {"tombstone": dict(stone)}


class LoginRequired(HubError):
    status = 401
    code = "login_required"

    def __init__(self) -> None:
        super().__init__("This needs an account. Sign in, or send a token (`lorahub login`).")


class ScopeMissing(HubError):
    status = 403
    code = "scope_missing"

    def __init__(self, scope: str) -> None:
        super().__init__(
            f"The token lacks the scope {scope}. Make one that has it in your settings.",
            scope=scope,
        )


class SessionRequired(HubError):
    """A leaked token must not be able to make more tokens or lock the owner out."""

    status = 403
    code = "session_required"

    def __init__(self) -> None:
        super().__init__("A token can't do this. Sign in on the web site and do it there.")


class NotAllowed(HubError):
    status = 403
    code = "not_allowed"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(
            message
            or "Only its owner may change this repository, or a member of its organisation whose "
            "role allows it. Ask them, or use a fork."
        )


class GatedRepo(HubError):
    """The repository may be known, but its files wait for an accepted request of the caller's."""

    status = 403
    code = "gated_repo"

    def __init__(self, full_name: str, state: str | None = None) -> None:
        # Clients of other hubs know it by the first sentence.
        super().__init__(
            f"Access to model {full_name} is restricted and you are not in the authorized list. "
            + _WHAT_NEXT.get(state, _WHAT_NEXT[None]).format(page=f"/{full_name}"),
            repo=full_name,
            state=state,
        )


class GatedRepoLogin(GatedRepo):
    """The same for nobody in particular."""

    status = 401

    def __init__(self, full_name: str) -> None:
        super().__init__(full_name, "anonymous")


_WHAT_NEXT = {
    None: "Open its page on this hub, {page}, and ask for access there.",
    "anonymous": "Sign in or send a token, and ask for access on its page, {page}.",
    "pending": "Your request waits for its owner. Try again once it is accepted.",
    "rejected": "Its owner rejected your request. The reason, if there is one, is on {page}.",
}
