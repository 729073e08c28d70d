"""The full report of each adapter file: what `lorahub inspect --json` prints, kept as made."""
