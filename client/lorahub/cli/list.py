"""`lorahub list` and `lorahub search`."""

import sys
from collections.abc import Sequence

from lorahub.cli.common import Parser, add_hub, add_output, print_json, table
from lorahub.hub import Hub
from lorahub.models import Repo
from lorahub.progress import plain, size

_SORTS = ("trending", "updated", "newest", "stars", "downloads", "smallest", "name")
_TITLE_CHARS = 40


def run(words: Sequence[str]) -> int:
    parser = Parser("list", "Look through the adapters that you may see on the hub.")
    parser.add_argument(
        "text", nargs="*", help="words, and filters as in the search box: glass base:sdxl"
    )
    parser.add_argument("--owner", help="of this account")
    parser.add_argument("--tag", help="with this tag")
    parser.add_argument("--family", help="for this base model: sd1, sdxl, flux1, llama ...")
    parser.add_argument("--layout", help="in this format: kohya, diffusers, peft ...")
    parser.add_argument("--sort", choices=_SORTS)
    parser.add_argument("--limit", type=int, default=30, metavar="N", help="at most so many (30)")
    add_hub(parser)
    add_output(parser)
    options = parser.parse(words)
    with Hub(options.endpoint) as hub:
        found = list(
            hub.list_repos(
                " ".join(options.text) or None,
                owner=options.owner,
                tag=options.tag,
                family=options.family,
                layout=options.layout,
                sort=options.sort,
                limit=max(options.limit, 1),
            )
        )
    if options.json:
        print_json({"items": [repo._asdict() for repo in found]})
    elif options.quiet:
        print("\n".join(plain(repo.id) for repo in found))
    elif found:
        print(table([_row(repo) for repo in found]))
    else:
        print("Nothing was found.", file=sys.stderr)
    return 0


def _row(repo: Repo) -> Sequence[str]:
    shape = " ".join(str(word) for word in (repo.family, repo.method) if word)
    rank = f"r{repo.rank}" if repo.rank else ""
    title = (repo.title or "")[:_TITLE_CHARS]
    mark = "private" if repo.private else ""
    return (repo.id, shape, rank, size(repo.size or 0), mark, "" if title == repo.name else title)
