"""What the hub learned from the bytes of adapter files."""
