"""What people write about a commit or a tag."""

from lorahub_server.kit.hidden import has_controls, shown
from lorahub_server.repos.errors import BadCommit
from lorahub_server.repos.limits import MESSAGE_MAX, TITLE_MAX

_ALLOWED = "\n\t"


def check_message(message: str, description: str = "") -> str:
    """Return the whole text as git keeps it, or raise BadCommit."""
    parts = [_clean(message), _clean(description)]
    if not parts[0]:
        message = "A commit needs a message. Say in a few words what changes."
        raise BadCommit(message, place="message")
    text = "\n\n".join(part for part in parts if part) + "\n"
    if has_controls(text, _ALLOWED):
        message = "The message contains control characters; remove them."
        raise BadCommit(message, place="message")
    if len(text.encode()) > MESSAGE_MAX:
        message = f"The message is longer than {MESSAGE_MAX} bytes; shorten it."
        raise BadCommit(message, place="message")
    return text


def title_of(text: str) -> str:
    """Return the first line, cut to what lists show."""
    line = shown(text.lstrip().split("\n", 1)[0]).strip()
    return line if len(line) <= TITLE_MAX else line[: TITLE_MAX - 1] + "…"


def _clean(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()
