"""Making another file out of an adapter: layouts, dtypes, ranks, merges, and the proof of each."""
