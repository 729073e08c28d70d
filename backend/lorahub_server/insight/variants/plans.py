"""From what somebody wishes to a plan of the converter, or to an error that tells what is wrong."""

from lorahub.adapters.errors import AdapterFileError
from lorahub.adapters.remake.plan import Plan, make_plan
from lorahub_server.kit.errors import HubError


class InvalidPlan(HubError):
    status = 422
    code = "invalid_plan"


def plan_of(
    *, layout: str | None, dtype: str | None, rank: int | None, energy: float | None
) -> Plan:
    """Raises InvalidPlan for an unknown word, for wishes that clash, and for none at all."""
    try:
        return make_plan(layout=layout, dtype=dtype, rank=rank, energy=energy)
    except AdapterFileError as error:
        raise InvalidPlan(str(error), place=error.key) from error
