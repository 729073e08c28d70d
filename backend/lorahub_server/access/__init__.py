"""Who may do what: the one place that answers it."""

from lorahub_server.access.caller import Caller, anonymous, of_account
from lorahub_server.access.rules import (
    Guarded,
    can_read,
    can_write,
    require_admin,
    require_login,
    require_read,
    require_scope,
    require_session,
    require_write,
    visible,
)
from lorahub_server.access.tx import Tx

__all__ = [
    "Caller",
    "Guarded",
    "Tx",
    "anonymous",
    "can_read",
    "can_write",
    "of_account",
    "require_admin",
    "require_login",
    "require_read",
    "require_scope",
    "require_session",
    "require_write",
    "visible",
]
