"""Discussions and pull requests: one numbering of both in each repository."""
