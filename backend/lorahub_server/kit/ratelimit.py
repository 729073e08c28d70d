"""Limits that hold across all web processes: counters in the database, by fixed windows.

The count of the window before is weighed by how much of it the last `seconds` still cover, which
comes close to a sliding window with one row a window.
"""

import hashlib
import ipaddress
import math
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, String, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from lorahub_server.kit import upsert
from lorahub_server.kit.clock import now
from lorahub_server.kit.db import Base, Database
from lorahub_server.kit.errors import HubError

_MINUTE = 60


class RateLimited(HubError):
    """Too many tries; `retry_after` is the seconds to wait, for the header of that name."""

    status = 429
    code = "rate_limited"

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message, retry_after=retry_after)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` hits in any `seconds`; `what` is its name, `does` what the message says."""

    what: str
    count: int
    seconds: int
    does: str


class RateWindow(Base):
    """How often something happened in one window of time; past windows' rows may go."""

    __tablename__ = "rate_windows"

    what: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    start: Mapped[int] = mapped_column(BigInteger, primary_key=True)  # s since 1970
    ends: Mapped[int] = mapped_column(BigInteger, index=True)  # when nobody needs the row any more
    hits: Mapped[int]


def hit(db: Database, limit: Limit, *key: str, at: datetime | None = None) -> None:
    """Count one try, or raise RateLimited when there were too many.

    Runs in a short write transaction of its own, so that a refused request's rollback can't undo
    the count: call it before the request's own transaction begins. Refused tries don't count,
    so the seconds to wait in the error are true for a caller who waits.
    """
    moment = (at or now()).timestamp()
    wait = 0
    with db.write() as session:
        row_key = _row_key(key)
        current = _bump(session, limit, row_key, moment)
        wait = _wait(session, limit, row_key, moment, current)
        if wait:
            _take_back(session, limit, row_key, moment)
    if wait:
        message = f"Too many {limit.does}. Try again in {_duration(wait)}."
        raise RateLimited(message, retry_after=wait)


def forgive(session: Session, limit: Limit, *key: str) -> None:
    """Forget all tries counted under the key, as after a sign-in that succeeded."""
    session.execute(
        delete(RateWindow).where(RateWindow.what == limit.what, RateWindow.key == _row_key(key))
    )


def give_back(session: Session, limit: Limit, *key: str, at: datetime | None = None) -> None:
    """Undo one hit: it turned out to be none of those that the limit is about."""
    _take_back(session, limit, _row_key(key), (at or now()).timestamp())


def purge(session: Session, at: datetime) -> None:
    """Delete the rows that no limit looks at any more."""
    session.execute(delete(RateWindow).where(RateWindow.ends < int(at.timestamp())))


def network(address: str | None) -> str:
    """Return what one household or host has in common: an IPv4 address, an IPv6 /64."""
    try:
        ip = ipaddress.ip_address((address or "").split("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)


def _row_key(key: tuple[str, ...]) -> str:
    # Hashed: the parts may be long or hostile, and addresses of people need not lie about in clear.
    parts = [part.encode("utf-8", "surrogatepass") for part in key]
    joined = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return hashlib.sha256(joined).hexdigest()


def _start(limit: Limit, moment: float) -> int:
    return int(moment) // limit.seconds * limit.seconds


def _bump(session: Session, limit: Limit, key: str, moment: float) -> int:
    """Add one to the current window's row, locked from now on, and return its count."""
    start = _start(limit, moment)
    values = {"what": limit.what, "key": key, "start": start, "hits": 1}
    values["ends"] = start + 2 * limit.seconds
    more = RateWindow.hits + 1
    statement = (
        upsert.insert(session, RateWindow)
        .values(values)
        .on_conflict_do_update(index_elements=["what", "key", "start"], set_={"hits": more})
        .returning(RateWindow.hits)
    )
    return int(session.execute(statement).scalar_one())


def _take_back(session: Session, limit: Limit, key: str, moment: float) -> None:
    session.execute(
        update(RateWindow)
        .where(
            RateWindow.what == limit.what,
            RateWindow.key == key,
            RateWindow.start == _start(limit, moment),
            RateWindow.hits > 0,
        )
        .values(hits=RateWindow.hits - 1)
    )


def _wait(session: Session, limit: Limit, key: str, moment: float, current: int) -> int:
    """Return the seconds until this try would fit, 0 when it fits now."""
    start = _start(limit, moment)
    before = session.scalar(
        select(RateWindow.hits).where(
            RateWindow.what == limit.what,
            RateWindow.key == key,
            RateWindow.start == start - limit.seconds,
        )
    )
    into = moment - start
    if current + (before or 0) * (1 - into / limit.seconds) <= limit.count:
        return 0
    if current <= limit.count:
        # Later in this window enough of the one before has slid out.
        fits_at = limit.seconds * (1 - (limit.count - current) / (before or 1))
        return max(1, math.ceil(fits_at - into))
    # In the next window this one's hits (without this try) must slide out until one more fits.
    slid = 1 - (limit.count - 1) / (current - 1) if current > 1 else 0.0
    return max(1, math.ceil(limit.seconds - into + limit.seconds * slid))


def _duration(seconds: int) -> str:
    if seconds <= 2 * _MINUTE:
        return f"{seconds} seconds" if seconds > 1 else "a second"
    return f"{math.ceil(seconds / _MINUTE)} minutes"
