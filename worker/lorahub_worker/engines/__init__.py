"""Runs base models with adapters: diffusers for pictures, transformers for text.

`studio.Studio` is the door; nothing here knows the database. Torch is loaded by a studio's first
work and not before.
"""
