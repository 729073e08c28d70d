"""Whose work comes next on a queue where work is long: each account in turn, a lane at a time.

As in LoRAX: what is warm in a worker goes on for a while, and then yields to what waits.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

# Accounts that were served about as long are alike, so that what is warm can decide.
_ALIKE_S = 60.0
STREAK_S = 60.0
STREAK_JOBS = 8


@dataclass(frozen=True, slots=True)
class Candidate:
    id: int
    account_id: int | None
    lane: str | None
    urgent: bool
    due_at: datetime


def ordered(
    candidates: Sequence[Candidate],
    *,
    running: Mapping[int | None, int],
    served_s: Mapping[int | None, float],
    warm: Collection[str],
) -> list[int]:
    """Return the candidates' ids, the one to take first at first.

    Where somebody waits in front of a page comes before what the hub does by itself. Then the
    accounts with the least work running, then those served least lately, then a warm lane.
    """

    def rank(one: Candidate) -> tuple[bool, int, int, bool, float, datetime, int]:
        served = served_s.get(one.account_id, 0.0)
        return (
            not one.urgent,
            running.get(one.account_id, 0),
            int(served / _ALIKE_S),
            one.lane not in warm,
            served,
            one.due_at,
            one.id,
        )

    return [one.id for one in sorted(candidates, key=rank)]


@dataclass(slots=True)
class Streak:
    """How long a worker has gone by what is warm: other lanes wait for so long and no longer."""

    _jobs: int = 0
    _since: float = field(default_factory=time.monotonic)

    def favoured(self, warm: Collection[str]) -> frozenset[str]:
        """Return the lanes to prefer now; none when the others have waited long enough."""
        if self._jobs >= STREAK_JOBS or time.monotonic() - self._since > STREAK_S:
            return frozenset()
        return frozenset(warm)

    def took(self, favoured: Collection[str]) -> None:
        """Count a choice; one without favour begins a new streak, whatever it took."""
        if favoured:
            self._jobs += 1
        else:
            self._jobs, self._since = 0, time.monotonic()
