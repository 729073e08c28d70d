"""How much work and room variants may take."""

from datetime import timedelta

from lorahub_server.kit.ratelimit import Limit

# Making one takes seconds of a worker. What is there already is given out without a count.
OF_ACCOUNT = Limit("variants", 120, 3600, "new variants")
OF_NETWORK = Limit("variants_net", 30, 3600, "new variants")
# Files up to this size are converted: it takes a few times as much of a worker's disk.
SOURCE_MAX = 4 * 1024**3
# A variant that nobody asked for since is cleared away; a failure is tried again sooner.
KEPT = timedelta(days=14)
FAILURE_KEPT = timedelta(hours=1)
# "Used" is written at most so often.
TOUCH_AFTER = timedelta(hours=6)
# When all together are larger, the least lately used ones go.
ROOM = 50 * 1024**3
