"""The one error that reading an adapter file can raise."""


class AdapterFileError(ValueError):
    """A file that is refused, and why.

    `code` is stable snake_case for programs, `message` says what is wrong, `hint` what to do next,
    `key` names the tensor or metadata key at fault when there is one, `byte` the place in the file
    where it was noticed. `str(error)` is the message and the hint.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        hint: str = "",
        key: str | None = None,
        byte: int | None = None,
    ) -> None:
        super().__init__(f"{message} {hint}".strip())
        self.code = code
        self.message = message
        self.hint = hint
        self.key = key
        self.byte = byte

    def to_dict(self) -> dict[str, str | int | None]:
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "key": self.key,
            "byte": self.byte,
        }


def shown(text: str, limit: int = 120) -> str:
    """`text` from a file, safe to put into a message: quoted, escaped, at most `limit` long."""
    quoted = ascii(text[: limit + 1])
    return quoted if len(text) <= limit else quoted[:limit] + "..."
