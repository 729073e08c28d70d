"""Moving files between a hub and this machine: verified, resumed, placed."""
