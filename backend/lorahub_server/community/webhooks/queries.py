"""All SQL of webhooks."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session, undefer

from lorahub_server.access import Caller
from lorahub_server.accounts.tables import Account
from lorahub_server.community.webhooks.tables import (
    Webhook,
    WebhookDelivery,
    WebhookEvent,
    WebhookWatch,
)
from lorahub_server.repos.tables import Repository
from lorahub_server.repos.visibility import visible_repos


def is_watched(
    session: Session, owner_ids: Collection[int], repo_id: int, *, discussion: bool | None
) -> bool:
    """Tell whether any hook that is on watches; `discussion` None: for whichever kind of event."""
    wanted = select(Webhook.id).where(_watching(owner_ids, repo_id), Webhook.disabled.is_(False))
    if discussion is not None:
        wanted = wanted.where(Webhook.on_discussion if discussion else Webhook.on_repo)
    return bool(session.scalar(select(exists(wanted))))


def hooks_for(session: Session, event: WebhookEvent, after: int, limit: int) -> Sequence[int]:
    """Return the ids above `after` of the hooks that are on and shall hear of the event."""
    owners = {event.owner_id, event.next_owner_id or event.owner_id}
    domain = Webhook.on_discussion if event.scope.startswith("discussion") else Webhook.on_repo
    return session.scalars(
        select(Webhook.id)
        .where(
            _watching(owners, event.repo_id),
            Webhook.disabled.is_(False),
            domain,
            Webhook.created_at <= event.created_at,
            Webhook.id > after,
        )
        .order_by(Webhook.id)
        .limit(limit)
    ).all()


def _watching(owner_ids: Collection[int], repo_id: int) -> ColumnElement[bool]:
    return exists().where(
        WebhookWatch.hook_id == Webhook.id,
        or_(WebhookWatch.account_id.in_(owner_ids), WebhookWatch.repo_id == repo_id),
    )


def counts_since(session: Session, hook_ids: Collection[int], moment: datetime) -> dict[int, int]:
    rows = session.execute(
        select(WebhookDelivery.hook_id, func.count())
        .where(WebhookDelivery.hook_id.in_(hook_ids), WebhookDelivery.created_at > moment)
        .group_by(WebhookDelivery.hook_id)
    )
    return {row[0]: row[1] for row in rows}


def lock_account(session: Session, account_id: int) -> None:
    """Let one account's hooks be counted and added one after the other."""
    session.execute(
        select(Account.id).where(Account.id == account_id).with_for_update(key_share=True)
    )


def count_hooks(session: Session, account_id: int) -> int:
    count = select(func.count()).select_from(Webhook).where(Webhook.account_id == account_id)
    return session.scalar(count) or 0


def hooks_of(session: Session, account_id: int) -> Sequence[Webhook]:
    return session.scalars(
        select(Webhook)
        .where(Webhook.account_id == account_id)
        .order_by(Webhook.created_at, Webhook.id)
    ).all()


def hook_of(session: Session, account_id: int, hook_id: int) -> Webhook | None:
    return session.scalar(
        select(Webhook).where(Webhook.id == hook_id, Webhook.account_id == account_id)
    )


def lock_hook(session: Session, hook_id: int) -> Webhook | None:
    return session.get(
        Webhook,
        hook_id,
        with_for_update={"key_share": True, "of": Webhook},
        populate_existing=True,
    )


def delivery(session: Session, delivery_id: int) -> WebhookDelivery | None:
    return session.get(WebhookDelivery, delivery_id)


def to_send(session: Session, delivery_id: int) -> tuple[WebhookDelivery, Webhook] | None:
    """Return a delivery and its hook, with the secret."""
    row = session.execute(
        select(WebhookDelivery, Webhook)
        .join(Webhook, Webhook.id == WebhookDelivery.hook_id)
        .where(WebhookDelivery.id == delivery_id)
        .options(undefer(Webhook.secret))
    ).one_or_none()
    return None if row is None else (row[0], row[1])


def delivery_of(session: Session, hook_id: int, delivery_id: int) -> WebhookDelivery | None:
    return session.scalar(
        select(WebhookDelivery).where(
            WebhookDelivery.id == delivery_id, WebhookDelivery.hook_id == hook_id
        )
    )


def deliveries_of(
    session: Session, hook_id: int, before: int | None, limit: int
) -> Sequence[WebhookDelivery]:
    """Return a hook's deliveries, the newest first."""
    statement = (
        select(WebhookDelivery)
        .where(WebhookDelivery.hook_id == hook_id)
        .order_by(WebhookDelivery.id.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(WebhookDelivery.id < before)
    return session.scalars(statement).all()


def known_repos(
    session: Session, caller: Caller, repo_ids: Collection[int]
) -> dict[int, Repository]:
    """Return those of the repositories that the caller may see now."""
    seen = visible_repos(caller)
    rows = session.scalars(select(Repository).where(Repository.id.in_(repo_ids), seen))
    return {repo.id: repo for repo in rows}


def accounts_of_ids(session: Session, account_ids: Collection[int]) -> dict[int, Account]:
    rows = session.scalars(select(Account).where(Account.id.in_(account_ids)))
    return {account.id: account for account in rows}


def repo_of_id(session: Session, repo_id: int) -> Repository | None:
    return session.get(Repository, repo_id)


def drop_waiting(session: Session, hook_id: int, error: str) -> None:
    """Give up what waits for a hook that is off."""
    session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.hook_id == hook_id, WebhookDelivery.state == "waiting")
        .values(state="dropped", error=error, due_at=None),
        execution_options={"synchronize_session": False},
    )


def delete_events_before(session: Session, moment: datetime) -> None:
    """Forget old events; the database drops their deliveries with them."""
    session.execute(
        delete(WebhookEvent).where(WebhookEvent.created_at < moment),
        execution_options={"synchronize_session": False},
    )
