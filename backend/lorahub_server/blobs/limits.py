"""What uploads may be. Sizes in bytes."""

from datetime import timedelta

# A file up to this size that is not weights rides in the commit itself.
INLINE_MAX = 1024 * 1024

# One `append` of any length is stored in pieces of this size, so that a crash loses at most one.
PART_BYTES = 64 * 1024 * 1024
# One client's tiny appends must not make an upload of millions of parts.
PARTS_MAX = 10_000

# How long what nobody touches is kept.
OPEN_KEPT = timedelta(days=7)
DONE_KEPT = timedelta(days=3)
BLOB_KEPT = timedelta(days=3)
STRAY_KEPT = timedelta(days=1)

COLLECT_EVERY = timedelta(days=1)
