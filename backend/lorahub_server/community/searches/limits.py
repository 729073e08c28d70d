"""How many, how long, how often."""

from datetime import timedelta

SEARCHES_MAX = 50  # of one account
NAME_MAX = 80
# After something was published, searches are looked through once soon and once when it has been
# inspected: some filters ask for what only the inspection tells.
SOON = timedelta(minutes=1)
LATER = timedelta(minutes=30)
# What was published longer ago is not told any more.
WINDOW = timedelta(days=7)
# Searches that one job looks through before it leaves the rest to another.
BATCH = 100
FOUND_MAX = 50  # by one search at one time
SHOWN_MAX = 12  # of those, in a notification
