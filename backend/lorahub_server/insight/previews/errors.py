from lorahub_server.kit.errors import HubError


class PreviewNotFound(HubError):
    status = 404
    code = "preview_not_found"

    def __init__(self) -> None:
        super().__init__("The repository has no such preview. Load its list of previews again.")


class PictureNotFound(HubError):
    """The preview is there, its picture is not, or it is a text."""

    status = 404
    code = "picture_not_found"

    def __init__(self) -> None:
        super().__init__("There is no picture yet. Ask for the preview to see how it stands.")


class BadPicture(HubError):
    """What was sent is no picture that the hub takes, or is a broken one."""

    status = 422
    code = "bad_picture"


class PictureTooLarge(HubError):
    status = 413
    code = "picture_too_large"


class TooManyPreviews(HubError):
    status = 409
    code = "too_many_previews"


class PreviewsOff(HubError):
    """The owner wants none: nothing is rendered until that changes."""

    status = 409
    code = "previews_off"

    def __init__(self) -> None:
        super().__init__("Previews of this repository are turned off. Turn them on first.")


class NothingToRender(HubError):
    """Nothing can be rendered now; the message says why."""

    status = 409
    code = "nothing_to_render"


class NotRemovable(HubError):
    """A rendered preview follows from the prompts."""

    status = 409
    code = "not_removable"

    def __init__(self) -> None:
        super().__init__(
            "The hub rendered this preview by its prompts. Change the prompts, or turn previews "
            "off."
        )


class BadPreviews(HubError):
    """Prompts, a cover, a rating or a base that can't be."""

    status = 422
    code = "bad_previews"
