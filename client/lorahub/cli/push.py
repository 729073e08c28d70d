"""`lorahub push`."""

import sys
from collections import Counter
from collections.abc import Sequence

from lorahub.cli.common import Parser, add_hub, add_output, print_json, reporter, table
from lorahub.progress import size
from lorahub.transfer.pushing import push
from lorahub.transfer.results import Pushed

_DESCRIPTION = """\
Publish a file, or all files of a folder, as one commit.

The repository is made when it is not there yet. What the hub has is not sent again, and a push
that was cut off goes on where it was. Weights must be safetensors: pickles (.bin, .pt, .ckpt) are
refused before anything is sent. The address of the page is printed."""

_EPILOG = """\
Left out of a folder: .git, __pycache__ and other caches, files of the desktop, links to folders,
and what trainers keep to go on with a run (optimizer.pt, training_args.bin ...).

examples:
  lorahub push my-style.safetensors alice/my-style
  lorahub push ./output my-style --private --exclude 'checkpoint-*'
"""


def run(words: Sequence[str]) -> int:
    parser = Parser("push", _DESCRIPTION, _EPILOG)
    parser.add_argument("source", metavar="FILE|FOLDER")
    parser.add_argument("repo", metavar="[OWNER/]NAME", help="the owner is you if left out")
    parser.add_argument("-m", "--message", metavar="TEXT", help="what the commit is about")
    parser.add_argument("--branch", metavar="NAME", help="default main; made when missing")
    parser.add_argument("--private", action="store_true", help="if the repository is made now")
    parser.add_argument(
        "--delete", action="store_true", help="also delete files that the folder does not have"
    )
    parser.add_argument(
        "--exclude", action="append", default=[], metavar="PATTERN", help="leave out; repeatable"
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    add_hub(parser)
    add_output(parser)
    options = parser.parse(words)
    pushed = push(
        options.source,
        options.repo,
        message=options.message,
        branch=options.branch,
        private=options.private,
        delete=options.delete,
        exclude=options.exclude,
        dry_run=options.dry_run,
        endpoint=options.endpoint,
        reporter=reporter(options),
    )
    if options.json:
        print_json({**pushed.to_dict(), "dry_run": options.dry_run})
        return 0
    if options.dry_run:
        print(table([(file.action, size(file.size), file.path) for file in pushed.files]))
    else:
        print(pushed.url)
    if not options.quiet:
        print(_summary(pushed, dry_run=options.dry_run), file=sys.stderr)
    return 0


def _summary(pushed: Pushed, *, dry_run: bool) -> str:
    head = f"{pushed.repo} ({pushed.branch})"
    if not pushed.changed:
        return f"{head} has all of it already"
    counts = Counter(file.action for file in pushed.files)
    deleted, same = counts.pop("delete", 0), counts.pop("same", 0)
    new = counts.total()
    done = [f"{new} file{'' if new == 1 else 's'}"] if new else []
    done += [f"{same} unchanged"] if same else []
    done += [f"{deleted} deleted"] if deleted else []
    if dry_run:
        return f"{head}: {', '.join(done)} (nothing was done)"
    at = f" at {pushed.revision[:12]}" if pushed.revision else ""
    return f"{head}{at}: {', '.join(done)}, {size(pushed.bytes_sent)} sent"
