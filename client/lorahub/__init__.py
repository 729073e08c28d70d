"""LoRAHub's client."""
