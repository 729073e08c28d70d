"""For whom a repository is: the ratings of previews as numbers, and what cards say with tags."""

from lorahub_server.insight.previews.model import MATURITIES

# `unrated` is nobody's statement, so it hides nothing.
LEVELS = {name: level for level, name in enumerate(MATURITIES) if name != "unrated"}
MATURE = LEVELS["mature"]
# What cards of other hubs are marked with.
ADULT_TAGS = ("not-for-all-audiences", "nsfw")


def of(ratings: list[str], tags: list[str]) -> int:
    """Return the level of a repository from its previews' ratings and its tags."""
    by_card = MATURE if any(tag in ADULT_TAGS for tag in tags) else 0
    return max([by_card, *(LEVELS.get(one, 0) for one in ratings)])
