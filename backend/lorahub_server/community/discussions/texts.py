"""Titles and comments, as people and programs send them."""

from lorahub_server.community.discussions.errors import BadText
from lorahub_server.community.discussions.limits import COMMENT_MAX, TITLE_MAX
from lorahub_server.kit.hidden import has_controls, is_deceptive, shown

_LINES = "\n\t"


def check_title(title: str) -> str:
    text = " ".join(title.split())
    if not text:
        raise BadText("The title is empty. Say in a few words what it is about.", place="title")
    if len(text) > TITLE_MAX:
        message = f"The title is longer than {TITLE_MAX} characters. Shorten it."
        raise BadText(message, place="title")
    if is_deceptive(text):
        raise BadText("The title has hidden characters in it. Remove them.", place="title")
    return text


def title_from(text: str) -> str:
    """Return a title made from the first line of a commit's message."""
    line = " ".join(text.strip().partition("\n")[0].split())
    plain = shown(line)
    if not plain:
        return "Untitled"
    return plain if len(plain) <= TITLE_MAX else plain[: TITLE_MAX - 1] + "…"


def check_comment(comment: str, *, place: str = "comment", may_be_empty: bool = False) -> str:
    text = comment.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not text and not may_be_empty:
        raise BadText("The comment is empty. Write something.", place=place)
    if has_controls(text, _LINES):
        raise BadText("The text has control characters in it. Remove them.", place=place)
    if len(text.encode()) > COMMENT_MAX:
        raise BadText(f"The text is longer than {COMMENT_MAX} bytes. Shorten it.", place=place)
    return text
