"""What the Xet clients' format allows, and how long the hub keeps what they sent."""

from datetime import timedelta

CHUNK_BYTES = 128 * 1024
# Of the chunks as they travel: compression may make bad ones longer.
PACKED_BYTES = 2 * CHUNK_BYTES
XORB_CHUNKS = 8 * 1024
XORB_BYTES = 64 * 1024 * 1024
# A xorb on its way: a header for each chunk, and room for the footer that some clients send.
XORB_BODY = XORB_BYTES + 1024 * 1024

SHARD_BODY = 64 * 1024 * 1024
# Runs of chunks that a shard's files consist of; they are held in memory while it is worked off.
SHARD_TERMS = 100_000
SHARD_FILES = 10_000
FILE_CHUNKS = 1_000_000

# Clients get a new token shortly before the time they are told; one that comes too late ends the
# upload. So a token really lives longer, for clocks that are wrong and requests that wait.
TOKEN_TOLD = timedelta(minutes=15)
TOKEN_LIFE = timedelta(hours=1)
# For so long a repository's uploads go on in one space, and broken ones needn't send twice.
SPACE_FRESH = timedelta(days=2)
# A space that nobody wrote to for so long is dropped.
SPACE_KEPT = timedelta(days=3)
# When an account has no room left, its spaces that are idle for so long go first.
SPACE_IDLE = timedelta(hours=1)
COLLECT_EVERY = timedelta(days=1)
