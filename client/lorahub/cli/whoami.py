"""`lorahub whoami`."""

import os
from collections.abc import Sequence

from lorahub.cli.common import Parser, add_hub, add_output, facts, print_json
from lorahub.errors import NotSignedIn
from lorahub.hub import Hub


def run(words: Sequence[str]) -> int:
    parser = Parser("whoami", "Show who the token belongs to.")
    add_hub(parser)
    add_output(parser)
    options = parser.parse(words)
    with Hub(options.endpoint) as hub:
        if hub.token is None:
            raise NotSignedIn(
                f"You are not signed in to {hub.endpoint}. Run `lorahub login`.",
                status=401,
                code="login_required",
            )
        caller = hub.whoami()
    if options.json:
        print_json({**caller._asdict(), "endpoint": hub.endpoint})
        return 0
    print(caller.name)
    if not options.quiet:
        token = caller.token or {}
        scopes = token.get("scopes") or []
        orgs = [f"{one.get('name')} ({one.get('role')})" for one in caller.organizations]
        source = "LORAHUB_TOKEN" if os.environ.get("LORAHUB_TOKEN") else None
        pairs = [
            ("hub", hub.endpoint),
            ("token", token.get("name")),
            ("from", source),
            ("may", ", ".join(scopes)),
            ("in", ", ".join(orgs)),
            ("expires", token.get("expires_at")),
        ]
        print(facts(pairs))
    return 0
