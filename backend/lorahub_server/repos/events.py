"""What happens to repositories, told to whoever listens, in the transaction that does it.

Subjects above this one listen; `app.py` introduces them. So nothing here knows of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from lorahub_server.access import Tx
from lorahub_server.repos.tables import Repository

Action = Literal["create", "delete", "move", "update"]
Scope = Literal["repo", "repo.content", "repo.config", "discussion", "discussion.comment"]


@dataclass(frozen=True, slots=True)
class RefMove:
    """A branch or tag by its full name; `old` None: it is new, `new` None: it is gone."""

    ref: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """One change. The repository is as it is when the event is told.

    `facts` are JSON by the names that Hugging Face gives them: `discussion`, `comment`,
    `updatedConfig`, `movedTo`. In them an `id` may be a row's number, and what is below `url` may
    begin with /: both are made into what is sent.
    """

    scope: Scope
    action: Action
    repo: Repository
    refs: Sequence[RefMove] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    # An account that is told too, beside the owner: the next one.
    next_owner_id: int | None = None


class Listener(Protocol):
    def wants(self, tx: Tx, repo: Repository) -> bool:
        """Tell whether an event of this repository would be of use."""

    def note(self, tx: Tx, event: Event) -> None: ...


_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """Let a listener hear of everything from now on; once, however often it is introduced."""
    if listener not in _listeners:
        _listeners.append(listener)


def is_heard(tx: Tx, repo: Repository) -> bool:
    """Tell whether to look up what only an event needs."""
    return any(listener.wants(tx, repo) for listener in _listeners)


def tell(tx: Tx, event: Event) -> None:
    for listener in _listeners:
        listener.note(tx, event)


def tell_moves(tx: Tx, repo: Repository, moves: Sequence[RefMove]) -> None:
    """Tell that branches and tags were made, moved or deleted."""
    real = [move for move in moves if move.old != move.new]
    if real:
        tell(tx, Event("repo.content", "update", repo, refs=real))
