"""What an account is told of on the hub: found by a saved search, and room for more."""
