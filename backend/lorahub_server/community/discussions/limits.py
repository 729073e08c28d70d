"""What threads may hold, and how many one account may begin. Sizes in bytes of UTF-8."""

from datetime import timedelta

TITLE_MAX = 200  # characters
COMMENT_MAX = 32 * 1024
# Clients read a thread whole, with every comment as HTML too.
TEXT_MAX = 1024 * 1024
EVENTS_MAX = 1000
EDITS_MAX = 100  # of one comment

WINDOW = timedelta(hours=1)
THREADS_A_WINDOW = 60
EVENTS_A_WINDOW = 300
# Open threads of one account in a repository that is not theirs.
OPEN_MAX = 100
THREADS_MAX = 100_000  # of one repository

PAGE_MAX = 100
