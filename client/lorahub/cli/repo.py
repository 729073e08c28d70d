"""`lorahub repo create|fork|delete|rename|visibility`."""

import argparse
import sys
from collections.abc import Callable, Sequence

from lorahub.cli.common import Parser, add_hub, add_output, print_json
from lorahub.errors import UsageError
from lorahub.hub import Hub
from lorahub.names import RepoName

_DESCRIPTION = "Create, fork, delete or rename a repository, or change who sees it."
_EPILOG = """\
actions:
  create OWNER/NAME [--private]
  fork OWNER/NAME [NEW-NAME] [--private] [--default-branch]
                                  one of your own that begins with its history
  delete OWNER/NAME [--yes]       its name stays used: nobody can take it afterwards
  rename OWNER/NAME NEW-NAME      the old name leads to the new one
  visibility OWNER/NAME public|private
"""


def run(words: Sequence[str]) -> int:
    parser = Parser("repo", _DESCRIPTION, _EPILOG)
    parser.add_argument("action", choices=tuple(_ACTIONS))
    parser.add_argument("repo", metavar="OWNER/NAME")
    parser.add_argument("value", nargs="?", metavar="NEW-NAME|public|private")
    parser.add_argument("--private", action="store_true", help="create, fork: not for everyone")
    parser.add_argument(
        "--default-branch", action="store_true", help="fork: leave other branches and tags out"
    )
    parser.add_argument("--yes", action="store_true", help="delete: do not ask")
    add_hub(parser)
    add_output(parser)
    options = parser.parse(words)
    if not _fits(options.action, options.value):
        raise UsageError("The number of words does not fit. See lorahub repo --help.")
    RepoName.parse(options.repo)
    with Hub(options.endpoint) as hub:
        _ACTIONS[options.action](hub, options)
    return 0


def _fits(action: str, value: str | None) -> bool:
    return action == "fork" or (value is not None) == (action in ("rename", "visibility"))


def _create(hub: Hub, options: argparse.Namespace) -> None:
    made = hub.create_repo(options.repo, private=options.private)
    _tell(options, f"{hub.endpoint}/{made.id}", made._asdict())


def _fork(hub: Hub, options: argparse.Namespace) -> None:
    made = hub.fork(
        options.repo,
        options.value,
        private=True if options.private else None,
        default_branch_only=options.default_branch,
    )
    _tell(options, f"{hub.endpoint}/{made.id}", made._asdict())


def _delete(hub: Hub, options: argparse.Namespace) -> None:
    if not options.yes:
        if not sys.stdin.isatty():
            raise UsageError("There is nobody to ask: add --yes to delete it.")
        print(
            f"{options.repo} and its history will be deleted, and its name stays used.",
            file=sys.stderr,
        )
        if input("Type its name to go on: ").strip() != options.repo:
            raise UsageError("That was not its name. Nothing was deleted.")
    hub.delete_repo(options.repo)
    _tell(options, f"{options.repo} was deleted.", {"deleted": options.repo})


def _rename(hub: Hub, options: argparse.Namespace) -> None:
    renamed = hub.rename_repo(options.repo, options.value)
    _tell(options, f"{hub.endpoint}/{renamed.id}", renamed._asdict())


def _visibility(hub: Hub, options: argparse.Namespace) -> None:
    if options.value not in ("public", "private"):
        raise UsageError("Say public or private.")
    seen = hub.set_private(options.repo, private=options.value == "private")
    _tell(options, f"{seen.id} is {options.value} now.", seen._asdict())


def _tell(options: argparse.Namespace, line: str, data: object) -> None:
    if options.json:
        print_json(data)
    elif not options.quiet:
        print(line)


_ACTIONS: dict[str, Callable[[Hub, argparse.Namespace], None]] = {
    "create": _create,
    "fork": _fork,
    "delete": _delete,
    "rename": _rename,
    "visibility": _visibility,
}
