"""Finding the command, and what happens when it fails."""

import importlib
import os
import sys
from collections.abc import Sequence

import lorahub
from lorahub.errors import LorahubError, ServerError
from lorahub.progress import plain

# name -> (module, what the overview says)
COMMANDS = {
    "pull": ("pull", "fetch an adapter, verified, to where its tool looks for it"),
    "push": ("push", "publish a file or a folder"),
    "list": ("list", "look through the hub's adapters (also: search)"),
    "outdated": ("outdated", "show which local adapter files have a newer version on the hub"),
    "info": ("info", "show what the hub knows about a repository"),
    "convert": ("convert", "write an adapter in another layout or dtype"),
    "resize": ("resize", "write an adapter with a smaller rank"),
    "merge": ("merge", "write the weighted sum of several adapters"),
    "diff": ("diff", "compare two adapter files: tensors, metadata"),
    "compare": ("compare", "compare what two adapters do"),
    "inspect": ("inspect", "read a local adapter file: layout, family, rank, trigger words"),
    "scrub": ("scrub", "copy an adapter without private names and paths in its header"),
    "login": ("login", "sign in with a token, and remember it"),
    "logout": ("logout", "forget the token"),
    "whoami": ("whoami", "show who is signed in"),
    "repo": ("repo", "create, delete or rename a repository, or change who sees it"),
    "cache": ("cache", "show or clear the files kept on this machine"),
}
_ALIASES = {"search": "list", "ls": "list", "download": "pull", "upload": "push"}
INTERRUPTED = 130
_USAGE = 2
_SERVER_FAULT = 500

_HELP = """\
Usage: lorahub COMMAND ...

{commands}

  lorahub COMMAND --help tells more. lorahub --version shows the version.

The hub is the one of --endpoint, else of LORAHUB_ENDPOINT, else the last one signed in to, else
http://127.0.0.1:8000. The token is the one of LORAHUB_TOKEN, else of `lorahub login`, else the
password of the hub's host in ~/.netrc. HTTP_PROXY, HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE count.

Exit codes: 0 done, 1 failed, 2 usage, 3 not found or gone, 4 not allowed or not signed in,
5 verification failed, 6 network, 130 interrupted.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in words
    try:
        code = _run(words)
        sys.stdout.flush()
    except LorahubError as error:
        _tell(error, as_json=as_json)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"\nlorahub: stopped. {_again(words)}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough. Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(overview(), end="", file=sys.stdout if words else sys.stderr)
        return 0 if words else _USAGE
    if words[0] in ("-V", "--version"):
        print(f"lorahub {lorahub.__version__}")
        return 0
    if words[0] == "help":
        words = [*(words[1:2] or ["--help"]), "--help"]
        if words[0] == "--help":
            return _run(words[:1])
    name = _ALIASES.get(words[0], words[0])
    if name not in COMMANDS:
        return _unknown(words[0])
    command = importlib.import_module(f"lorahub.cli.{COMMANDS[name][0]}")
    code: int = command.run(words[1:])
    return code


def overview() -> str:
    lines = [f"  {name:<9}{says}" for name, (_, says) in COMMANDS.items()]
    return _HELP.format(commands="\n".join(lines))


def _unknown(word: str) -> int:
    import difflib

    near = difflib.get_close_matches(word, [*COMMANDS, *_ALIASES], 1)
    guess = f" Did you mean {near[0]}?" if near else " `lorahub --help` lists the commands."
    print(f"lorahub: there is no command {word!r}.{guess}", file=sys.stderr)
    return _USAGE


def _again(words: Sequence[str]) -> str:
    if words[:1] in (["pull"], ["push"]):
        kept = "received" if words[0] == "pull" else "sent"
        return f"What was {kept} is kept: run the same command again to go on."
    return ""


def _tell(error: LorahubError, *, as_json: bool) -> None:
    message = error.message
    if isinstance(error, ServerError):
        if error.place and error.place not in message:
            message = f"{message} ({error.place})"
        if error.request_id and error.exit_code == 1 and error.status >= _SERVER_FAULT:
            message = f"{message} Tell the hub's administrator the request id {error.request_id}."
    print(f"lorahub: {plain(message)}", file=sys.stderr)
    if as_json:
        import json

        print(json.dumps({"error": error.to_dict()}))
