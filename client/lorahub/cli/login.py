"""`lorahub login`."""

import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

from lorahub.cli.common import Parser, add_hub, add_output, print_json
from lorahub.errors import NotSignedIn, UsageError
from lorahub.hub import Hub
from lorahub.settings import Login, Logins, find_endpoint

_DESCRIPTION = """\
Sign in to a hub with a token, and remember both: that hub is meant from now on when no other is
named. Make the token on the hub, under settings. It is stored in a file that only you can read."""

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def run(words: Sequence[str]) -> int:
    parser = Parser("login", _DESCRIPTION)
    given = parser.add_mutually_exclusive_group()
    given.add_argument("--token", metavar="TOKEN", help="others on this machine may see it")
    given.add_argument("--token-stdin", action="store_true", help="read it from standard input")
    add_hub(parser)
    add_output(parser)
    options = parser.parse(words)
    endpoint = find_endpoint(options.endpoint)
    parts = urlsplit(endpoint)
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK and not options.quiet:
        print(f"{endpoint} is not encrypted: others may read the token.", file=sys.stderr)
    token = (options.token or _read(endpoint, from_stdin=options.token_stdin)).strip()
    if not token:
        raise UsageError(f"No token was given. Make one at {endpoint}/settings/tokens.")
    with Hub(endpoint, token) as hub:
        try:
            caller = hub.whoami()
        except NotSignedIn as error:
            error.message += f" Make a token at {endpoint}/settings/tokens."
            raise
    logins = Logins()
    logins.put(endpoint, Login(token, caller.name))
    if options.json:
        print_json({"endpoint": endpoint, "name": caller.name})
    elif not options.quiet:
        print(f"Signed in to {endpoint} as {caller.name}.", file=sys.stderr)
    return 0


def _read(endpoint: str, *, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline()
    if not sys.stdin.isatty():
        raise UsageError("There is nobody to ask for the token: use --token-stdin.")
    import getpass

    print(f"Make a token at {endpoint}/settings/tokens and paste it here.", file=sys.stderr)
    return getpass.getpass("Token (not shown): ", stream=sys.stderr)
