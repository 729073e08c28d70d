"""`lorahub-server`: one file a command, imported only when that command is called."""

from lorahub_server.cli.main import main

__all__ = ["main"]
