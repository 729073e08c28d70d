"""How a query is answered: which key is walked, what is asked on the way, what is read whole."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from lorahub_server.access import Caller
from lorahub_server.access.rules import reading_ids
from lorahub_server.library import derive, keys, queries_keys, queries_text
from lorahub_server.library.queries_filters import (
    SET_MAX,
    Filter,
    conditions,
    keys_of,
    keys_without,
    sets_of,
)
from lorahub_server.library.queries_text import Wanted
from lorahub_server.library.tables import LibraryEntry


@dataclass(frozen=True, slots=True)
class Plan:
    """How a filter is answered: by a walk along `walked`, or by sorting the ids in `few`.

    `public` and `own` are numbers of the key that is walked; of each of `probes` a repository must
    have one, and of `without` none. `more` are all other conditions.
    """

    caller: Caller
    public: tuple[int, ...]
    own: tuple[int, ...]
    few: Any | None
    probes: tuple[tuple[int, ...], ...]
    without: tuple[int, ...]
    more: tuple[ColumnElement[bool], ...]
    uses: int
    is_all: bool
    words: Wanted | None = None
    frequency: int = 0

    @property
    def is_broad(self) -> bool:
        """Nothing but words is asked for."""
        is_narrow = self.few is not None or self.probes or self.without or self.more
        return self.is_all and not is_narrow

    @property
    def is_simple(self) -> bool:
        """Nobody in particular asks for all that has one key."""
        asks_more = self.probes or self.without or self.more or self.words is not None
        is_public = self.caller.is_anonymous and len(self.public) == 1 and not self.own
        return is_public and self.few is None and not asks_more

    @property
    def walked(self) -> tuple[int, ...]:
        return (*self.public, *self.own)


def scopes(caller: Caller, wanted: Filter) -> list[int]:
    """Return whose keys the caller may look under: 0 is everybody's."""
    public = [] if wanted.private else [0]
    return public + ([] if wanted.private is False else reading_ids(caller))


def plan(
    session: Session, caller: Caller, wanted: Filter, *, is_ranked: bool = False
) -> Plan | None:
    """Return how to find what a filter asks for; None where there is nothing.

    `is_ranked`: words are looked for among the most popular alone, as `ranking` does it.
    """
    if wanted.is_nothing or _rules_itself_out(wanted):
        return None
    asked, left_out = [keys.ALL, *keys_of(wanted)], keys_without(wanted)
    found = queries_keys.known(session, scopes(caller, wanted), [*asked, *left_out])
    by_key: dict[keys.Key, list[queries_keys.Found]] = {}
    for key in found:
        by_key.setdefault((key.kind, key.value), []).append(key)
    if any(key not in by_key for key in asked):
        return None
    ranked = sorted(asked, key=lambda key: sum(one.uses for one in by_key[key]))
    walked, others = ranked[0], [key for key in ranked[1:] if key != keys.ALL]
    uses = sum(one.uses for one in by_key[walked])
    sets, more = sorted(sets_of(session, wanted), key=lambda one: one[0]), conditions(wanted)
    text, frequency = None, 0
    if wanted.words:
        is_alone = not (len(asked) > 1 or left_out or sets or more)
        known = queries_text.noted(session, wanted.words) if is_alone and not is_ranked else None
        if known is not None:
            text, frequency = known[0], SET_MAX + 1
            if not known[1]:
                return None
        elif is_alone and is_ranked and queries_text.is_sqlite(session):
            text, frequency = queries_text.read_to_rank(session, wanted.words)
        else:
            text, frequency = queries_text.read(session, wanted.words, SET_MAX + 1)
            if not frequency:
                return None
    few = sets.pop(0)[1] if sets and sets[0][0] < min(uses, SET_MAX) else None
    more += [LibraryEntry.repo_id.in_(ids) for _, ids in sets]
    return Plan(
        caller=caller,
        public=tuple(one.id for one in by_key[walked] if one.scope == 0),
        own=tuple(one.id for one in by_key[walked] if one.scope != 0),
        few=few,
        probes=tuple(tuple(one.id for one in by_key[key]) for key in others),
        without=tuple(one.id for key in left_out for one in by_key.get(key, [])),
        more=tuple(more),
        uses=uses,
        is_all=walked == keys.ALL,
        words=text,
        frequency=frequency,
    )


def _rules_itself_out(wanted: Filter) -> bool:
    """Tell whether nothing can be found, which a walk would only notice at its end."""
    # A family makes one thing.
    is_other = wanted.family and wanted.task and derive.task_of(wanted.family) != wanted.task
    return bool(is_other) or not set(keys_of(wanted)).isdisjoint(keys_without(wanted))
