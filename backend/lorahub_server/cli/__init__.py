"""`lorahub-server`: one file a command, imported only when that command is called."""

import sys


def main() -> None:
    """Run the command line, or say what to install when only the client is there."""
    try:
        from lorahub_server.cli.overview import main as run
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("lorahub"):
            raise
        sys.exit("The server's packages are missing. Install them: pip install 'lorahub[server]'")
    run()


__all__ = ["main"]
