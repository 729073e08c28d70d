"""The LoRAHub server."""
