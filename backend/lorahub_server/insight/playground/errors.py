from lorahub.adapters.families import names
from lorahub_server.kit.errors import HubError


class PlayNotFound(HubError):
    """There is none of that number, or it is somebody else's: nobody can tell which."""

    status = 404
    code = "play_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such picture of yours. Load the playground again.")


class PlaygroundOff(HubError):
    status = 403
    code = "playground_off"

    def __init__(self) -> None:
        super().__init__("The playground of this hub is turned off. Use the adapter on your side.")


class NothingToPlay(HubError):
    """An adapter can't be drawn with now; the message says why."""

    status = 409
    code = "nothing_to_play"


class NoBase(HubError):
    """No worker holds a base model that the adapters fit."""

    status = 409
    code = "no_base"

    def __init__(self, family: str) -> None:
        super().__init__(
            f"No worker of this hub holds a base model for {names.label(family)} now, so nothing "
            "can be rendered. Try again later, or ask whoever runs the hub to add one."
        )


class BadWish(HubError):
    """What was asked for can't be: place names the field."""

    status = 422
    code = "bad_wish"


class NotStackable(HubError):
    """A stacked repository that is missing, or somebody else's secret: nobody can tell which."""

    status = 404
    code = "repo_not_found"

    def __init__(self, name: str, place: str) -> None:
        shown = name[:200] if name.isprintable() else "of that name"
        super().__init__(
            f"There is no repository {shown}, or it is private. Check the name: owner/name.",
            place=place,
        )


class OtherFamily(HubError):
    """Adapters of different families never work together."""

    status = 422
    code = "other_family"


class TooManyAtOnce(HubError):
    status = 429
    code = "too_many_at_once"

    def __init__(self, most: int) -> None:
        wishes = "One wish" if most == 1 else f"{most} wishes"
        super().__init__(
            f"{wishes} of yours are being worked on. Wait for one, or cancel one.", retry_after=5
        )
        self.retry_after = 5


class NotDone(HubError):
    """There is nothing to keep yet, or there never will be."""

    status = 409
    code = "not_done"

    def __init__(self) -> None:
        super().__init__("It is not finished, so there is nothing to keep. Wait until it is.")


class PrivateStack(HubError):
    """What is kept in a gallery names its adapters to everybody who reads it."""

    status = 409
    code = "private_stack"

    def __init__(self) -> None:
        super().__init__(
            "An adapter of the stack is not for everybody who can see this gallery. Keep the "
            "picture in your own list."
        )


class TooManyKept(HubError):
    status = 409
    code = "too_many_kept"

    def __init__(self, most: int) -> None:
        super().__init__(f"You keep {most} pictures already. Delete one of them first.")
