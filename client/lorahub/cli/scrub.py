"""`lorahub scrub`: a copy of an adapter without what is private in its header."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from lorahub.adapters import AdapterFileError, scrub
from lorahub.adapters.scrubbing import report
from lorahub.adapters.scrubbing_folders import config_is_private
from lorahub.cli.common import Parser, add_output, print_json
from lorahub.errors import FileMissing, LorahubError, UsageError, VerificationFailed
from lorahub.progress import plain


def run(words: Sequence[str]) -> int:
    parser = Parser(
        "scrub",
        "Write a copy of an adapter whose header names no person, no path of your disk, no\n"
        "training folder and no session. The weights stay as they are, byte for byte. The copy is\n"
        "called FILE.clean.safetensors unless -o says otherwise. Of a folder the weights and\n"
        "adapter_config.json are copied, to FOLDER.clean. The author (modelspec.author) stays\n"
        "unless --author says otherwise.",
    )
    parser.add_argument("file", metavar="FILE|FOLDER")
    parser.add_argument("-o", "--output", metavar="OUT", help="where to; FILE itself is allowed")
    parser.add_argument("--author", action="store_true", help="remove the author's name, too")
    parser.add_argument("--tags", action="store_true", help="remove the caption words, too")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    add_output(parser, quiet=False)
    options = parser.parse(words)
    source = Path(options.file)
    if not source.exists():
        raise FileMissing(f"{source} is not there.")
    target = Path(options.output) if options.output else _beside(source)
    if target.exists() and not options.output and not options.dry_run:
        raise UsageError(f"{target} is there already. Name another file with -o.")
    try:
        found = scrub(
            source, None if options.dry_run else target, tags=options.tags, author=options.author
        )
    except AdapterFileError as error:
        raise VerificationFailed(f"{source}: {error}", code=error.code) from error
    except OSError as error:
        place = error.filename or target
        raise LorahubError(f"{place} can't be read or written: {error.strerror}.") from error
    written = None if options.dry_run else str(target)
    if options.json:
        changes = [asdict(removal) for removal in found.removals]
        told = {"file": str(source), "output": written, "changes": changes, "kept": found.kept}
        print_json(told)
        return 0
    for line in report(found) or ["Nothing in it is private."]:
        print(plain(line))
    if source.is_file() and _config_is_private(source):
        print("adapter_config.json beside it names a path or a person: scrub the folder.")
    if written:
        print(plain(f"Written to {written}."))
    return 0


def _config_is_private(source: Path) -> bool:
    try:
        return config_is_private(source)
    except (AdapterFileError, OSError):
        return False


def _beside(source: Path) -> Path:
    if source.is_dir():
        return source.absolute().with_name(f"{source.absolute().name}.clean")
    return source.with_name(f"{source.stem}.clean{source.suffix}")
