"""Webhooks: what happens to repositories is sent to addresses that people gave."""
