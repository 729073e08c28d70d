"""Tools without one word of the hub's own domain."""
