"""`lorahub cache`."""

from collections.abc import Sequence

from lorahub.cli.common import Parser, add_output, facts, print_json
from lorahub.progress import size
from lorahub.transfer.cache import Cache


def run(words: Sequence[str]) -> int:
    parser = Parser(
        "cache",
        "Show how much of the hub's files this machine keeps, or remove them. What was placed\n"
        "elsewhere by a pull stays.",
    )
    parser.add_argument("action", nargs="?", choices=("show", "clear"), default="show")
    add_output(parser)
    options = parser.parse(words)
    cache = Cache()
    used = cache.clear() if options.action == "clear" else cache.usage()
    if options.json:
        told = {"folder": str(cache.root), "action": options.action}
        print_json({**told, "files": used.files, "bytes": used.size})
    elif not options.quiet:
        name = "removed" if options.action == "clear" else "holds"
        print(facts([("folder", cache.root), (name, f"{used.files} files, {size(used.size)}")]))
    return 0
