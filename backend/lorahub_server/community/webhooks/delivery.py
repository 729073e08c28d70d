"""One try of one delivery, as a worker does it, and what follows from how it went."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from sqlalchemy.orm import Session

from lorahub import __version__
from lorahub_server.access import of_account, require_read
from lorahub_server.access.errors import RepoGone, RepoNotFound
from lorahub_server.community.webhooks import outbox, payload, queries, sending
from lorahub_server.community.webhooks.errors import InvalidWebhook
from lorahub_server.community.webhooks.guard import Allowed, read_url
from lorahub_server.community.webhooks.limits import (
    FAILING_MOST,
    FAILURES_MIN,
    PAUSE_MOST_S,
    SLOW_S,
    SLOW_WAITS,
    WAITS_S,
)
from lorahub_server.community.webhooks.sending import Sent
from lorahub_server.community.webhooks.tables import Webhook, WebhookDelivery
from lorahub_server.config import Settings
from lorahub_server.kit.clock import now
from lorahub_server.kit.db import Database

Effect = Callable[[Session], None]

_OFF = "The webhook is turned off."
_NO_LONGER = "You may no longer read this repository."
_WAITING, _DELIVERED, _FAILED, _DROPPED = "waiting", "delivered", "failed", "dropped"


@dataclass(frozen=True, slots=True)
class _Letter:
    url: str
    body: bytes
    headers: dict[str, str]


def deliver(db: Database, settings: Settings, delivery_id: int) -> Effect:
    """Send a delivery if it is still to be sent; return what to write down of it."""
    moment = now()
    with db.read() as session:
        found = queries.to_send(session, delivery_id)
        if found is None or found[0].state != _WAITING:
            return _nothing
        delivery, hook = found
        if hook.disabled:
            return _dropping(delivery_id, _OFF)
        if hook.paused_until is not None and hook.paused_until > moment:
            return _later(delivery_id, hook.paused_until)
        if not _may_know(session, hook, delivery):
            return _dropping(delivery_id, _NO_LONGER)
        letter = _letter(settings, hook, delivery)
    # No transaction is open while the network takes its time.
    began = time.monotonic()
    sent = _send(settings, letter)
    return _written(delivery_id, sent, time.monotonic() - began)


def _may_know(session: Session, hook: Webhook, delivery: WebhookDelivery) -> bool:
    """Tell whether the hook's owner may still read the repository, or could till it was deleted."""
    if hook.account.deleted_at is not None:
        return False
    repo = queries.repo_of_id(session, delivery.event.repo_id)
    try:
        require_read(of_account(hook.account), repo)
    except RepoGone:
        return True
    except RepoNotFound:
        return False
    return True


def _letter(settings: Settings, hook: Webhook, delivery: WebhookDelivery) -> _Letter:
    content = payload.for_hook(settings, delivery.event.payload, hook.id)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"lorahub-webhooks/{__version__}",
        # The same at each try, so that a receiver can tell a second one.
        "X-Webhook-Delivery": str(delivery.id),
    }
    if hook.secret:
        headers["X-Webhook-Secret"] = hook.secret
    return _Letter(hook.url, json.dumps(content).encode(), headers)


def _send(settings: Settings, letter: _Letter) -> Sent:
    allowed = Allowed.of(settings.webhook_private_hosts)
    try:
        target = read_url(letter.url, allowed)
    except InvalidWebhook as error:
        return Sent(None, error.message)
    return sending.post(target, letter.body, letter.headers, allowed)


def _nothing(_: Session) -> None:
    return


def _dropping(delivery_id: int, why: str) -> Effect:
    def effect(session: Session) -> None:
        delivery = queries.delivery(session, delivery_id)
        if delivery is not None and delivery.state == _WAITING:
            delivery.state, delivery.error, delivery.due_at = _DROPPED, why, None

    return effect


def _later(delivery_id: int, moment: datetime) -> Effect:
    def effect(session: Session) -> None:
        delivery = queries.delivery(session, delivery_id)
        if delivery is not None and delivery.state == _WAITING:
            delivery.due_at = moment
            outbox.owe(session, delivery_id, moment)

    return effect


def _written(delivery_id: int, sent: Sent, took_s: float) -> Effect:
    def effect(session: Session) -> None:
        delivery = queries.delivery(session, delivery_id)
        if delivery is None:
            return
        hook = queries.lock_hook(session, delivery.hook_id)
        if hook is None or delivery.state != _WAITING:
            return
        moment = now()
        delivery.tries += 1
        delivery.status, delivery.error, delivery.tried_at = sent.status, sent.error, moment
        if sent.is_done:
            delivery.state, delivery.due_at = _DELIVERED, None
            hook.failures, hook.failing_since, hook.paused_until = 0, None, None
            if took_s > SLOW_S:
                hook.paused_until = moment + timedelta(seconds=took_s * SLOW_WAITS)
            return
        _count_failure(hook, sent, moment)
        if hook.disabled or delivery.tries > len(WAITS_S):
            delivery.state, delivery.due_at = _FAILED, None
        else:
            delivery.due_at = moment + timedelta(seconds=WAITS_S[delivery.tries - 1])
            outbox.owe(session, delivery_id, delivery.due_at)
        session.flush()
        if hook.disabled:
            queries.drop_waiting(session, hook.id, _OFF)

    return effect


def _count_failure(hook: Webhook, sent: Sent, moment: datetime) -> None:
    hook.failures += 1
    hook.failing_since = hook.failing_since or moment
    wait = min(WAITS_S[min(hook.failures, len(WAITS_S)) - 1], PAUSE_MOST_S)
    hook.paused_until = moment + timedelta(seconds=wait)
    if hook.disabled:
        return
    if sent.status == HTTPStatus.GONE:
        hook.disabled = True
        hook.disabled_why = "The receiver answered that it is gone for good (410)."
    elif hook.failures >= FAILURES_MIN and moment - hook.failing_since >= FAILING_MOST:
        hook.disabled = True
        hook.disabled_why = f"Nothing could be delivered for {FAILING_MOST.days} days: {sent.error}"
