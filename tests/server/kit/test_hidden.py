import pytest

from lorahub_server.accounts.errors import InvalidProfile, InvalidTokenRequest
from lorahub_server.accounts.service import _checked
from lorahub_server.accounts.tokens import checked_name
from lorahub_server.community.collections.errors import InvalidCollection
from lorahub_server.community.collections.texts import checked_title
from lorahub_server.community.discussions.errors import BadText
from lorahub_server.community.discussions.texts import check_title, title_from
from lorahub_server.kit.hidden import has_controls, is_deceptive, shown
from lorahub_server.repos.messages import title_of

HIDDEN = [
    *("a\u202eb", "a\u200bb", "\ufeffab", "a\u2066b\u2069", "a\x07b", "a\ud800b", "a\u2060b"),
    # Marks of direction, a soft hyphen, tags without their flag, joiners that join nothing.
    *("a\u200eb", "a\u200fb", "a\u061cb", "a\u00adb", "a\ufff9b", "a\U000e0041b"),
    *("a\u200db", "a\u200cb", "\u200dab", "ab\u200c"),
]


@pytest.mark.parametrize("text", HIDDEN)
def test_what_hides_or_turns_text_is_refused_in_titles(text: str) -> None:
    assert is_deceptive(text)
    assert shown(text) == "ab"
    assert title_from(text) == title_of(text) == "ab"
    with pytest.raises(BadText, match="hidden"):
        check_title(text)
    with pytest.raises(InvalidCollection, match="hidden"):
        checked_title(text)
    with pytest.raises(InvalidProfile, match="hidden"):
        _checked(text, "bio", 100)
    with pytest.raises(InvalidTokenRequest, match="hidden"):
        checked_name(text)


@pytest.mark.parametrize(
    "text",
    [
        "Ünïcödé",
        "\u05e9\u05dc\u05d5\u05dd",
        "\u0646\u200c\u0645",
        "\U0001f469\u200d\U0001f680",
        "\U0001f469\U0001f3fd\u200d\U0001f680",
        "\u2764\ufe0f\u200d\U0001f525",
        "\U0001f3f4\U000e0067\U000e0062\U000e007f",
        # A virama and a joiner end a word of Malayalam, and CD gets a Persian ending.
        "\u0d35\u0d28\u0d4d\u200d",
        "CD\u200c\u0647\u0627",
        "\u06001",
    ],
)
def test_scripts_and_emoji_keep_what_they_need(text: str) -> None:
    assert not is_deceptive(text)
    assert shown(text) == text


def test_lines_are_allowed_where_they_are_meant() -> None:
    assert has_controls("a\nb")
    assert not has_controls("a\nb", "\n")
