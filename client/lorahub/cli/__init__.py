"""`lorahub`: one file a command, imported only when that command is called.

Exit codes: 0 done, 1 failed, 2 usage, 3 not found or gone, 4 not allowed or not signed in,
5 verification failed, 6 network, 130 interrupted.
"""

from lorahub.cli.main import main

__all__ = ["main"]
