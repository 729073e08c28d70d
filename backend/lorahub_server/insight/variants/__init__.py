"""Variants: an adapter file in another layout, dtype or rank, made on request and kept a while."""
