"""Searches that people keep, and are told of when there is something new."""
