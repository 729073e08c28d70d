"""Pass-through: what nobody here can own is asked of another hub."""
