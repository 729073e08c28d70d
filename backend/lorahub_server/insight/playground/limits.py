"""How much one may ask of the playground. Counts per account are settings."""

from datetime import timedelta

from lorahub_server.config import Settings
from lorahub_server.kit.ratelimit import Limit

STACK_MAX = 3
STRENGTH_MAX = 2.0
STEPS_MAX = 60
PROMPT_MAX = 1000
# Plays of an account; older ones that it did not keep go.
PLAYS_MAX = 200
KEPT_MAX = 200
KEPT_FOR = timedelta(days=30)
# Adapters that are offered for a stack.
OFFERED = 30


def of_account(settings: Settings) -> Limit:
    return Limit("plays", settings.plays_per_hour, 3600, "wishes at the playground")
