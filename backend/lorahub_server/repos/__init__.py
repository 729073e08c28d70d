"""Repositories: names, git objects, refs, commits."""
