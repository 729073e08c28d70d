"""The form that chooses what stands first on the page of an account."""

from typing import Any

from sqlalchemy.orm import Session

from lorahub_server.access import Caller
from lorahub_server.accounts.tables import Account
from lorahub_server.community import profiles
from lorahub_server.community.profiles import PINS_MAX
from lorahub_server.doors.web.forms import Form


def shown(
    session: Session, caller: Caller, account: Account, form: Form | None = None, wrong: str = ""
) -> dict[str, Any]:
    """Return what the form shows: what is pinned, or what was sent and why it can't be."""
    names = profiles.pinned_names(session, caller, account) if form is None else sent(form)
    return {
        "pins": (names + [""] * PINS_MAX)[:PINS_MAX],
        "offered": profiles.to_choose_from(session, caller, account),
        "wrong_pins": wrong,
    }


def sent(form: Form) -> list[str]:
    return [form.line(f"pin{number}") for number in range(1, PINS_MAX + 1)]
