"""`lorahub-worker`: what a worker does, by hand."""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from lorahub.errors import LorahubError

_FAILED, _DIFFERENT = 1, 3
_NEEDED = ("diffusers", "peft", "torch", "transformers")


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when it worked, 1 when it did not, 3 when the picture is not the hub's."""
    options = _parser().parse_args(arguments)
    if any(find_spec(name) is None for name in _NEEDED):
        _say("lorahub-worker: this needs more libraries: pip install 'lorahub[worker]'")
        return _FAILED
    from lorahub_worker.engines.spec import RenderError
    from lorahub_worker.reproduce import CannotReproduce

    try:
        return _render(options)
    except (CannotReproduce, RenderError, LorahubError, OSError) as error:
        sys.stderr.write(f"lorahub-worker: {error}\n")
        return _FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lorahub-worker", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    render = commands.add_parser("render", help="make a preview again from its recipe")
    render.add_argument("recipe", help="a file, or the address that the preview's page shows")
    render.add_argument(
        "-o", "--out", type=Path, metavar="FILE", help="where to put it (default: preview.png)"
    )
    render.add_argument(
        "--base", type=Path, metavar="FOLDER", help="the base model, where the hub can't give it"
    )
    return parser


def _render(options: argparse.Namespace) -> int:
    from lorahub_worker import reproduce
    from lorahub_worker.engines.studio import Studio

    token = os.environ.get("LORAHUB_TOKEN") or os.environ.get("HF_TOKEN")
    document = reproduce.read_document(options.recipe, token)
    spec = reproduce.find_base(document, options.base)
    if spec.digest != document.recipe.base.digest:
        _say("The base is not the one of the recipe: its hash differs, so the result will too.")
    with tempfile.TemporaryDirectory(prefix="lorahub-") as folder:
        files = reproduce.fetch_files(document, Path(folder), token)
        studio = Studio()
        studio.prepare()
        reproduce.use_threads(document)
        rendered = next(studio.render(spec, [document.recipe], files, on_step=_told))
    sys.stderr.write("\n")
    made = reproduce.encoded(document, spec, rendered)
    out: Path | None = options.out
    if rendered.text is not None:
        sys.stdout.write(rendered.text + "\n")
    else:
        out = out or Path("preview.png")
    if out is not None:
        out.write_bytes(made)
        _say(f"Written to {out}.")
    verdict = reproduce.compare(document, rendered, made, token)
    if verdict is None:
        return 0
    _say(f"Beside the hub's it is {verdict.words}.")
    return 0 if verdict.near else _DIFFERENT


def _told(done: int, whole: int) -> None:
    sys.stderr.write(f"\r{done} of {whole} steps")
    sys.stderr.flush()


def _say(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")


if __name__ == "__main__":
    sys.exit(main())
