"""Base models that workers hold: the registry, and who holds which."""
