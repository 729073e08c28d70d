"""From what somebody wishes to a plan of the converter, or to an error that tells what is wrong.

One rule for the form, the API and the plain address.
"""

from lorahub.adapters.errors import AdapterFileError
from lorahub.adapters.remake.plan import Plan, make_plan
from lorahub.adapters.remake.words import DTYPES as SPELLINGS
from lorahub.adapters.remake.words import LAYOUTS, MAX_RANK, SPELLED
from lorahub_server.kit.errors import HubError

__all__ = ["DTYPES", "LAYOUTS", "MAX_RANK", "InvalidPlan", "plan_of"]

# Double precision only makes files larger; whoever needs it has `lorahub convert`.
DTYPES = tuple(dict.fromkeys(SPELLED[code] for code in SPELLINGS.values() if code != "F64"))


class InvalidPlan(HubError):
    status = 422
    code = "invalid_plan"


def plan_of(
    *,
    layout: str | None = None,
    dtype: str | None = None,
    rank: int | None = None,
    energy: float | None = None,
    family: str | None = None,
) -> Plan:
    """Raises InvalidPlan for an unknown word, for wishes that clash, and for none at all."""
    try:
        plan = make_plan(layout=layout, dtype=dtype, rank=rank, energy=energy, family=family)
    except AdapterFileError as error:
        raise InvalidPlan(str(error), place=error.key) from error
    if plan.dtype is not None and plan.dtype not in DTYPES:
        message = f"The hub makes no {plan.dtype} files. Take {', '.join(DTYPES)}."
        raise InvalidPlan(message, place="dtype")
    return plan
