"""Workers: take owed jobs and do them."""

import os

# Before NumPy is loaded. Factors are thin, so threads gain nothing; beside other work they wait for
# each other: a resize of 560 modules took 50 s of two busy cores instead of 3 s of one.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
