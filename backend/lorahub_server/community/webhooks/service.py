"""Webhooks of an account: added, changed, turned off, and what was delivered."""

import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from lorahub_server.access import Tx, require_login, require_scope
from lorahub_server.accounts.service import find_account
from lorahub_server.community.webhooks import outbox, queries
from lorahub_server.community.webhooks.errors import (
    DeliveryNotFound,
    InvalidWebhook,
    NotResendable,
    TooManyWebhooks,
    WebhookNotFound,
)
from lorahub_server.community.webhooks.guard import Allowed, read_url
from lorahub_server.community.webhooks.limits import (
    DAILY_MAX,
    HOOKS_MAX,
    SECRET_MAX,
    WATCHED_MAX,
)
from lorahub_server.community.webhooks.tables import Webhook, WebhookDelivery, WebhookWatch
from lorahub_server.kit import pagination
from lorahub_server.kit.pagination import Page
from lorahub_server.repos import service as repos
from lorahub_server.repos.errors import RepoMoved

DOMAINS = ("repo", "discussion")
_SECRET = re.compile(rf"[\x21-\x7e]{{1,{SECRET_MAX}}}")
# What JSON readers with 53 bits for a number keep exactly.
_ID_BITS = 48
_ORDER = "deliveries"
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Watched:
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Told:
    """A delivery as its owner sees it. `repo` is None where they may not know it (any more)."""

    row: WebhookDelivery
    repo: str | None

    @property
    def event(self) -> str:
        return f"{self.row.event.scope} {self.row.event.action}"


def list_hooks(tx: Tx) -> Sequence[Webhook]:
    return queries.hooks_of(tx.session, require_login(tx.caller).id)


def get_hook(tx: Tx, hook_id: int) -> Webhook:
    """Return one of the caller's hooks; anybody else's is as one that there is none of."""
    hook = queries.hook_of(tx.session, require_login(tx.caller).id, hook_id)
    if hook is None:
        raise WebhookNotFound
    return hook


def create_hook(
    tx: Tx,
    url: str,
    watched: Collection[Watched],
    *,
    domains: Collection[str] | None = None,
    secret: str | None = None,
) -> Webhook:
    account = require_scope(tx.caller, "write")
    queries.lock_account(tx.session, account.id)
    if queries.count_hooks(tx.session, account.id) >= HOOKS_MAX:
        message = f"An account has at most {HOOKS_MAX} webhooks. Delete one first."
        raise TooManyWebhooks(message)
    hook = Webhook(
        # By chance: an id that is free again must not come to name another's hook.
        id=secrets.randbits(_ID_BITS) + 1,
        account=account,
        account_id=account.id,
        created_at=tx.now,
        disabled=False,
    )
    _set(tx, hook, url=url, domains=domains or DOMAINS, secret=secret)
    hook.watched = _resolved(tx, watched)
    tx.session.add(hook)
    tx.session.flush()
    return hook


def update_hook(
    tx: Tx,
    hook: Webhook,
    *,
    url: str | None = None,
    watched: Collection[Watched] | None = None,
    domains: Collection[str] | None = None,
    secret: str | None = None,
) -> Webhook:
    """Change what is not None. An empty secret means that there is none from now on."""
    require_scope(tx.caller, "write")
    _set(tx, hook, url=url, domains=domains, secret=secret)
    if watched is not None:
        hook.watched = _resolved(tx, watched)
    if url is not None:
        # Another receiver starts without the failures of the one before.
        hook.failures, hook.failing_since, hook.paused_until = 0, None, None
    tx.session.flush()
    return hook


def set_disabled(tx: Tx, hook: Webhook, disabled: bool) -> Webhook:
    require_scope(tx.caller, "write")
    hook.disabled, hook.disabled_why = disabled, ""
    hook.failures, hook.failing_since, hook.paused_until = 0, None, None
    tx.session.flush()
    if disabled:
        queries.drop_waiting(tx.session, hook.id, "The webhook was turned off.")
    return hook


def delete_hook(tx: Tx, hook: Webhook) -> None:
    require_scope(tx.caller, "write")
    tx.session.delete(hook)
    tx.session.flush()


def watched_of(tx: Tx, hooks: Collection[Webhook]) -> dict[int, list[Watched]]:
    """Return what each hook watches, by its present name where the caller may know that."""
    rows = [row for hook in hooks for row in hook.watched]
    accounts = queries.accounts_of_ids(
        tx.session, {row.account_id for row in rows if row.account_id is not None}
    )
    known = queries.known_repos(
        tx.session, tx.caller, {row.repo_id for row in rows if row.repo_id is not None}
    )

    def name(row: WebhookWatch) -> str:
        if row.account_id is not None and row.account_id in accounts:
            return accounts[row.account_id].name
        if row.repo_id is not None and row.repo_id in known:
            return known[row.repo_id].full_name
        return row.name

    return {hook.id: [Watched(row.kind, name(row)) for row in hook.watched] for hook in hooks}


def deliveries_of(tx: Tx, hook: Webhook, cursor: str | None, limit: int) -> Page[Told]:
    """Return what the hook was sent in the last days, the newest first."""
    before: int | None = None
    if cursor:
        found = pagination.decode(cursor, _ORDER, int)[0]
        if not isinstance(found, int):
            raise pagination.BadCursor
        before = found
    rows = queries.deliveries_of(tx.session, hook.id, before, limit + 1)
    shown, following = pagination.cut(rows, limit, lambda row: pagination.encode(_ORDER, row.id))
    known = queries.known_repos(tx.session, tx.caller, {row.event.repo_id for row in shown})
    return Page([_told(row, row.event.repo_id in known) for row in shown], following)


def sent_today(tx: Tx, hooks: Collection[Webhook]) -> dict[int, int]:
    """Return how many deliveries of each hook count for its limit of a day."""
    ids = [hook.id for hook in hooks]
    return dict.fromkeys(ids, 0) | queries.counts_since(tx.session, ids, tx.now - _DAY)


def send_again(tx: Tx, hook: Webhook, delivery_id: int) -> Told:
    """Send a delivery's event once more, as a delivery of its own."""
    require_scope(tx.caller, "write")
    row = queries.delivery_of(tx.session, hook.id, delivery_id)
    if row is None:
        raise DeliveryNotFound
    if row.state == "waiting":
        raise NotResendable("The delivery waits to be sent. Look again in a while.")
    if hook.disabled:
        raise NotResendable("The webhook is turned off. Turn it on first.")
    if sent_today(tx, [hook])[hook.id] >= DAILY_MAX:
        message = f"A webhook sends at most {DAILY_MAX} deliveries in a day. Try again tomorrow."
        raise NotResendable(message)
    made = outbox.add_delivery(tx.session, hook.id, row.event_id, tx.now)
    known = queries.known_repos(tx.session, tx.caller, [row.event.repo_id])
    return _told(made, bool(known))


def _told(row: WebhookDelivery, is_known: bool) -> Told:
    # What was delivered is no secret to whoever got it.
    may_see = is_known or row.state == "delivered"
    return Told(row, row.event.payload["repo"]["name"] if may_see else None)


def _set(
    tx: Tx,
    hook: Webhook,
    *,
    url: str | None,
    domains: Collection[str] | None,
    secret: str | None,
) -> None:
    if url is not None:
        read_url(url, Allowed.of(tx.settings.webhook_private_hosts))
        hook.url = url
    if domains is not None:
        # Both spellings are in the clients' documents.
        wanted = {"discussion" if name == "discussions" else name for name in domains}
        if not wanted or not wanted <= set(DOMAINS):
            message = f"A webhook's domains are some of {', '.join(DOMAINS)}. Choose from these."
            raise InvalidWebhook(message, place="domains")
        hook.on_repo, hook.on_discussion = "repo" in wanted, "discussion" in wanted
    if secret is not None:
        if secret and not _SECRET.fullmatch(secret):
            message = f"A secret has at most {SECRET_MAX} plain characters and no spaces."
            raise InvalidWebhook(message, place="secret")
        hook.secret = secret or None
        hook.has_secret = bool(secret)


def _resolved(tx: Tx, watched: Collection[Watched]) -> list[WebhookWatch]:
    if not watched:
        message = "Name something to watch: a user, an organisation or a model."
        raise InvalidWebhook(message, place="watched")
    if len(watched) > WATCHED_MAX:
        message = f"A webhook watches at most {WATCHED_MAX} things. Make another for the rest."
        raise InvalidWebhook(message, place="watched")
    found: dict[tuple[int | None, int | None], WebhookWatch] = {}
    for item in watched:
        row = _of_model(tx, item) if item.kind == "model" else _of_account(tx, item)
        found.setdefault((row.account_id, row.repo_id), row)
    return list(found.values())


def _of_account(tx: Tx, item: Watched) -> WebhookWatch:
    if item.kind not in {"user", "org"}:
        message = f"This hub has users, organisations and models to watch, and no {item.kind[:50]}."
        raise InvalidWebhook(message, place="watched")
    account = find_account(tx.session, item.name)
    if account is None:
        message = f"There is no account {item.name[:100]}. Check the name."
        raise InvalidWebhook(message, place="watched")
    kind = "org" if account.is_organization else "user"
    return WebhookWatch(kind=kind, name=account.name, account_id=account.id)


def _of_model(tx: Tx, item: Watched) -> WebhookWatch:
    owner, _, name = item.name.partition("/")
    try:
        repo = repos.get_repo(tx, owner, name)
    except RepoMoved as error:
        # Not passed on: the client would send the whole request to the repository's address.
        raise InvalidWebhook(error.message, place="watched") from error
    return WebhookWatch(kind="model", name=repo.full_name, repo_id=repo.id)
