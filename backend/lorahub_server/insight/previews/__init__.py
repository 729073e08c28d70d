"""Previews: what adapters do, rendered by recipes that anybody can run again."""
