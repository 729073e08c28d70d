"""From what happens to deliveries: an event is written with its cause, and shared out by a job.

So an act that thousands watch costs no more than one that a single hook does.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from lorahub_server import jobs
from lorahub_server.access import Tx
from lorahub_server.community.webhooks import payload, queries
from lorahub_server.community.webhooks.limits import DAILY_MAX, FAN_OUT, KEPT
from lorahub_server.community.webhooks.tables import WebhookDelivery, WebhookEvent
from lorahub_server.repos.events import Event
from lorahub_server.repos.tables import Repository

SHARE_OUT = "webhook_share_out"
DELIVER = "webhook_deliver"
_DAY = timedelta(days=1)


class Outbox:
    """Listens to what happens to repositories."""

    def wants(self, tx: Tx, repo: Repository) -> bool:
        return queries.is_watched(tx.session, [repo.owner_id], repo.id, discussion=None)

    def note(self, tx: Tx, event: Event) -> None:
        """Write the event if any hook watches, in the transaction of what happened."""
        repo = event.repo
        owners = {repo.owner_id, event.next_owner_id or repo.owner_id}
        is_discussion = event.scope.startswith("discussion")
        if not queries.is_watched(tx.session, owners, repo.id, discussion=is_discussion):
            return
        row = WebhookEvent(
            repo_id=repo.id,
            owner_id=repo.owner_id,
            next_owner_id=event.next_owner_id,
            scope=event.scope,
            action=event.action,
            payload=payload.of_event(tx, event),
            created_at=tx.now,
        )
        tx.session.add(row)
        tx.session.flush()
        # Without the repository's id: its owner must not see who watches.
        jobs.enqueue(tx.session, SHARE_OUT, {"event": row.id, "after": 0}, queue="cpu")


OUTBOX = Outbox()


def share_out(event_id: int, after: int, moment: datetime) -> Callable[[Session], None]:
    """Make the deliveries of an event for some of the hooks that watch; leave the rest to a job."""

    def effect(session: Session) -> None:
        queries.delete_events_before(session, moment - KEPT)
        event = session.get(WebhookEvent, event_id)
        if event is None:
            return
        hooks = queries.hooks_for(session, event, after, FAN_OUT)
        counts = queries.counts_since(session, hooks, moment - _DAY) if hooks else {}
        for hook_id in hooks:
            if counts.get(hook_id, 0) < DAILY_MAX:
                add_delivery(session, hook_id, event_id, moment)
        if len(hooks) == FAN_OUT:
            args = {"event": event_id, "after": hooks[-1]}
            jobs.enqueue(session, SHARE_OUT, args, queue="cpu")

    return effect


def add_delivery(
    session: Session, hook_id: int, event_id: int, moment: datetime
) -> WebhookDelivery:
    row = WebhookDelivery(hook_id=hook_id, event_id=event_id, created_at=moment, state="waiting")
    session.add(row)
    session.flush()
    owe(session, row.id)
    return row


def owe(session: Session, delivery_id: int, run_after: datetime | None = None) -> None:
    """Owe one try of a delivery."""
    jobs.enqueue(
        session,
        DELIVER,
        {"delivery": delivery_id},
        dedup=f"{DELIVER}:{delivery_id}",
        queue="cpu",
        run_after=run_after,
    )
