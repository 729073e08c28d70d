"""What people do with what others published."""
