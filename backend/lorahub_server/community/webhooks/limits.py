"""How much of everything, and how long."""

from datetime import timedelta

HOOKS_MAX = 50  # of one account
WATCHED_MAX = 100  # of one hook
URL_MAX = 2000
SECRET_MAX = 255
# Deliveries of one hook in any 24 hours; what is above them is not sent.
DAILY_MAX = 1000
# Waits in seconds between the tries of one delivery; after the last one it is given up.
WAITS_S = (10, 60, 300, 1800, 7200, 21600)
# While a hook fails, its other deliveries wait for so long at most before one is tried.
PAUSE_MOST_S = 1800
# A hook that failed for so long, and so often, without a success is turned off.
FAILING_MOST = timedelta(days=3)
FAILURES_MIN = 10
# Events and what was delivered of them are kept so long.
KEPT = timedelta(days=8)
# One try: to connect, and in all.
CONNECT_S = 3.0
TRY_S = 5.0
# A receiver that took longer than this waits so many times as long for its next delivery, so that
# a slow one does not keep a worker from everything else.
SLOW_S = 2.0
SLOW_WAITS = 5
# As much of an answer is read, and forgotten.
ANSWER_MAX = 64 * 1024
# Hooks that one job serves before it leaves the rest to another.
FAN_OUT = 200
REFS_MAX = 200  # in one payload
