"""The one studio of this process, made with its first work: torch is not loaded before."""

from typing import TYPE_CHECKING

from lorahub_server.config import Settings

if TYPE_CHECKING:
    from lorahub_worker.engines.studio import Studio

_made: list["Studio"] = []


def studio() -> "Studio":
    if not _made:
        from lorahub_worker.engines.studio import Studio

        _made.append(Studio(memory=Settings().preview_memory))
    return _made[0]


def warm() -> frozenset[str]:
    """Return the ids of the bases that are in memory here."""
    return _made[0].warm() if _made else frozenset()
