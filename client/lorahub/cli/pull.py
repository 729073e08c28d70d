"""`lorahub pull`."""

import sys
from collections.abc import Sequence

from lorahub.cli.common import Parser, add_hub, add_output, print_json, reporter
from lorahub.models import Form
from lorahub.progress import plain, size
from lorahub.transfer.pulling import pull
from lorahub.transfer.results import Pulled

_DESCRIPTION = """\
Fetch the files of a repository, verify them, and put them where they are used.

Without --to they land in ./NAME/, the folder named after the repository. Every file is checked
against its SHA-256 before anything is placed. What is here already is not fetched again, and a pull
that was cut off goes on where it was. The paths of the placed files are printed, one a line."""

_EPILOG = """\
tools for --to:
  comfyui          models/loras/NAME.safetensors, and the cover beside it
  a1111, forge     models/Lora/NAME.safetensors, NAME.json with the trigger words, and the cover
  diffusers, peft  a folder NAME with the files as they are
  The tool's folder is the one of --root, else of COMFYUI_PATH, A1111_PATH or FORGE_PATH, else the
  current folder or its usual name in the current or the home folder. A folder that is called like
  a tool is written with a slash: --to ./comfyui

examples:
  lorahub pull alice/my-style
  lorahub pull alice/my-style@v2 --to comfyui --root ~/ComfyUI
  lorahub pull alice/my-style --file '*.safetensors' --to ~/loras
  lorahub pull alice/my-style --layout kohya --dtype fp16 --rank 16

Files are also kept in a cache that all pulls share: LORAHUB_CACHE, else ~/.cache/lorahub.
LORAHUB_CONNECTIONS (4) says over how many connections a file comes, LORAHUB_RETRIES (5) how often
to ask again, LORAHUB_TIMEOUT (60) how many seconds of silence are too long.
"""


def run(words: Sequence[str]) -> int:
    parser = Parser("pull", _DESCRIPTION, _EPILOG)
    parser.add_argument("repo", metavar="OWNER/NAME[@REVISION]", help="or the page's address")
    parser.add_argument("--to", metavar="FOLDER|TOOL", help="where to put the files")
    parser.add_argument("--root", metavar="FOLDER", help="the tool's own folder")
    parser.add_argument("--as", dest="name", metavar="NAME", help="call the adapter or folder so")
    parser.add_argument(
        "--file", action="append", default=[], metavar="PATH", help="only this; * works; repeatable"
    )
    parser.add_argument("--revision", metavar="REVISION", help="a branch, tag or commit")
    parser.add_argument(
        "--layout",
        metavar="LAYOUT",
        help="kohya, diffusers, peft or comfyui: as made by the hub",
    )
    parser.add_argument(
        "--dtype", metavar="DTYPE", help="fp16, bf16, fp32, fp8_e4m3 or fp8_e5m2: made by the hub"
    )
    parser.add_argument("--rank", type=int, metavar="N", help="resized to this rank by the hub")
    parser.add_argument(
        "--family", metavar="FAMILY", help="of the base, where --layout asks which one it is"
    )
    parser.add_argument("--force", action="store_true", help="replace files that were changed")
    parser.add_argument("--no-cache", action="store_true", help="leave no second copy in the cache")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    add_hub(parser)
    add_output(parser)
    options = parser.parse(words)
    form = Form(options.layout, options.dtype, options.rank, family=options.family)
    pulled = pull(
        options.repo,
        to=options.to,
        root=options.root,
        revision=options.revision,
        files=options.file,
        name=options.name,
        form=None if form == Form() else form,
        force=options.force,
        dry_run=options.dry_run,
        keep=not options.no_cache,
        endpoint=options.endpoint,
        reporter=reporter(options),
    )
    if options.json:
        print_json({**pulled.to_dict(), "dry_run": options.dry_run})
        return 0
    for file in pulled.files:
        print(f"{file.state:<8}{file.place}" if options.dry_run else file.place)
    if not options.quiet:
        print(_summary(pulled, dry_run=options.dry_run), file=sys.stderr)
    return 0


def _summary(pulled: Pulled, *, dry_run: bool) -> str:
    count = len(pulled.files)
    files = f"{count} file{'' if count == 1 else 's'}"
    head = f"{pulled.repo} at {pulled.revision[:12]}: {files}"
    if dry_run:
        return f"{head} (nothing was done)"
    kept = [str(file.place) for file in pulled.files if file.state == "kept"]
    states = {file.state for file in pulled.files}
    if states <= {"there", "kept"}:
        lines = [f"{head}, all there already"]
    elif pulled.bytes_fetched:
        lines = [f"{head}, {size(pulled.bytes_fetched)} fetched and verified"]
    else:
        lines = [f"{head}, from the cache"]
    if kept:
        lines.append(f"kept as you changed it: {', '.join(kept)} (--force replaces it)")
    if pulled.trigger_words:
        lines.append(f"trigger words: {plain(', '.join(pulled.trigger_words))}")
    return "\n".join(lines)
