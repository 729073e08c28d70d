"""`lorahub logout`."""

import sys
from collections.abc import Sequence

from lorahub.cli.common import Parser, add_hub, add_output, print_json
from lorahub.settings import Logins, find_endpoint


def run(words: Sequence[str]) -> int:
    parser = Parser(
        "logout",
        "Forget the token of a hub. It stays valid until you revoke it there, under settings.",
    )
    parser.add_argument("--all", action="store_true", help="of every hub")
    add_hub(parser)
    add_output(parser)
    options = parser.parse(words)
    logins = Logins()
    wanted = logins.endpoints() if options.all else [find_endpoint(options.endpoint)]
    forgotten = [endpoint for endpoint in wanted if logins.remove(endpoint)]
    if options.json:
        print_json({"signed_out": forgotten})
    elif not options.quiet:
        told = [f"Signed out of {endpoint}." for endpoint in forgotten]
        print("\n".join(told) or "No token was stored.", file=sys.stderr)
    return 0
