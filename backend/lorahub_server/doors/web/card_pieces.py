"""Cards of the wall as HTML, rendered once for what they show: most pages show the same ones."""

from collections.abc import Callable, Hashable
from dataclasses import fields
from operator import attrgetter

from markupsafe import Markup

from lorahub_server.doors.web import card_words
from lorahub_server.kit.kept import Kept
from lorahub_server.library.model import RepoCard

# Characters of all cards together; one has about 3,500.
_MOST = 16_000_000
_LISTS = ("trigger_words", "tags")
_facts = attrgetter(*(one.name for one in fields(RepoCard) if one.name not in _LISTS))
_kept: Kept[Hashable, Markup] = Kept(_MOST, len)


def card_piece(macro: Callable[..., Markup], item: RepoCard, *how: Hashable) -> Markup:
    """Return what a macro makes of a card and of how it is to be shown.

    The macro may depend on nothing else, but for the words that come and go with time.
    """
    lists = (tuple(item.trigger_words), tuple(item.tags))
    key = (macro, _facts(item), lists, card_words.fresh(item), how)
    found = _kept.get(key)
    if found is None:
        found = macro(item, *how)
        _kept.put(key, found)
    return found
