from datetime import UTC, datetime

_STEPS = (
    (60, "minute"),
    (3600, "hour"),
    (86_400, "day"),
    (7 * 86_400, "week"),
    (30 * 86_400, "month"),
    (365 * 86_400, "year"),
)


def now() -> datetime:
    """Return the present moment, in UTC."""
    return datetime.now(UTC)


def iso(moment: datetime) -> str:
    """Return the moment as ISO-8601 with seconds and `Z`, as every JSON of the hub has it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def ago(moment: datetime) -> str:
    """Return how long ago it was, as people say it: `just now`, `3 days ago`."""
    seconds = (now() - moment).total_seconds()
    if seconds < _STEPS[0][0]:
        return "just now"
    step, unit = next(one for one in reversed(_STEPS) if seconds >= one[0])
    count = int(seconds // step)
    return f"{count} {unit if count == 1 else unit + 's'} ago"
