"""Who may do what: the one place that answers it."""

from lorahub_server.access.caller import Caller, anonymous, of_account
from lorahub_server.access.gates import can_read_files, files_visible, passes_gate, require_files
from lorahub_server.access.rules import (
    Guarded,
    can_create,
    can_edit,
    can_read,
    can_write,
    is_member,
    require_admin,
    require_login,
    require_org_admin,
    require_read,
    require_scope,
    require_session,
    require_write,
    shown,
    visible,
)
from lorahub_server.access.tx import Tx

__all__ = [
    "Caller",
    "Guarded",
    "Tx",
    "anonymous",
    "can_create",
    "can_edit",
    "can_read",
    "can_read_files",
    "can_write",
    "files_visible",
    "is_member",
    "of_account",
    "passes_gate",
    "require_admin",
    "require_files",
    "require_login",
    "require_org_admin",
    "require_read",
    "require_scope",
    "require_session",
    "require_write",
    "shown",
    "visible",
]
