"""The ways in. A door parses, authorises, calls one service and answers."""

from lorahub_server.doors import paths

# Before any route is declared: from here on every route is one of raw paths.
paths.install()
