"""What somebody did, in lines: day by day, commits of one repository together."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby

from lorahub_server.community.activity import Act
from lorahub_server.doors import links

_TITLES = 3
_ICONS = {"commit": "branch", "star": "star", "discussion": "talk", "pull": "merge"}


@dataclass(frozen=True, slots=True)
class Detail:
    href: str
    text: str


@dataclass(slots=True)
class Line:
    """`does` stands before the repository's name; `details` below, `more` of them left out."""

    icon: str
    does: str
    at: datetime
    owner: str
    name: str
    details: list[Detail] = field(default_factory=list)
    more: int = 0


def by_day(found: Sequence[Act]) -> list[tuple[datetime, list[Line]]]:
    """Return the lines of each day, with a moment of it, the latest day first."""
    days = []
    for _, acts in groupby(found, key=lambda act: _day(act.at)):
        of_day = list(acts)
        days.append((of_day[0].at, _lines(of_day)))
    return days


def _day(moment: datetime) -> date:
    return moment.date()


def _lines(acts: Sequence[Act]) -> list[Line]:
    grouped: dict[tuple[str, str, str], list[Act]] = {}
    for act in acts:
        # Discussions stand alone; commits of a day in one repository are one line.
        key = act.ref if act.kind in {"discussion", "pull"} else ""
        grouped.setdefault((f"{act.kind} {key}", act.owner, act.name), []).append(act)
    return [_line(some) for some in grouped.values()]


def _line(acts: Sequence[Act]) -> Line:
    first = acts[0]
    line = Line(_ICONS[first.kind], _does(acts), first.at, first.owner, first.name)
    if first.kind == "commit":
        line.details = [
            Detail(links.tree(act.owner, act.name, act.ref), act.title) for act in acts[:_TITLES]
        ]
        line.more = len(acts) - len(line.details)
    elif first.kind != "star":
        where = links.discussion(first.owner, first.name, int(first.ref))
        line.details = [Detail(where, first.title)]
    return line


def _does(acts: Sequence[Act]) -> str:
    kind, count = acts[0].kind, len(acts)
    if kind == "commit":
        return "Made a commit in" if count == 1 else f"Made {count} commits in"
    return {
        "star": "Starred",
        "discussion": "Began a discussion in",
        "pull": "Asked for a change in",
    }[kind]
