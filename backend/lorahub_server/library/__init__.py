"""What people browse: cards, tags, lists and search, derived from the default branches."""
