"""Tells which version runs."""

from common import VERSION, tell

tell(version=f"{VERSION[0]}.{VERSION[1]}")
