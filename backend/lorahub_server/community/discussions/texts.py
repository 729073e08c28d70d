"""Titles and comments, as people and programs send them."""

import unicodedata

from lorahub_server.community.discussions.errors import BadText
from lorahub_server.community.discussions.limits import COMMENT_MAX, TITLE_MAX

_FORBIDDEN = {"Cc", "Cs"}
_LINES = "\n\t"


def check_title(title: str) -> str:
    text = " ".join(title.split())
    if not text:
        raise BadText("The title is empty. Say in a few words what it is about.", place="title")
    if len(text) > TITLE_MAX:
        message = f"The title is longer than {TITLE_MAX} characters. Shorten it."
        raise BadText(message, place="title")
    if any(unicodedata.category(c) in _FORBIDDEN for c in text):
        raise BadText("The title has control characters in it. Remove them.", place="title")
    return text


def title_from(text: str) -> str:
    """Return a title made from the first line of a commit's message."""
    line = " ".join(text.strip().partition("\n")[0].split())
    plain = "".join(c for c in line if unicodedata.category(c) not in _FORBIDDEN)
    if not plain:
        return "Untitled"
    return plain if len(plain) <= TITLE_MAX else plain[: TITLE_MAX - 1] + "…"


def check_comment(comment: str, *, place: str = "comment", may_be_empty: bool = False) -> str:
    text = comment.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not text and not may_be_empty:
        raise BadText("The comment is empty. Write something.", place=place)
    if any(unicodedata.category(c) in _FORBIDDEN for c in text if c not in _LINES):
        raise BadText("The text has control characters in it. Remove them.", place=place)
    if len(text.encode()) > COMMENT_MAX:
        raise BadText(f"The text is longer than {COMMENT_MAX} bytes. Shorten it.", place=place)
    return text
