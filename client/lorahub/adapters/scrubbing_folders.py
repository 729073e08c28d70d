"""Taking what is private out of a folder that PEFT or diffusers wrote."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lorahub.adapters.config import CONFIG_NAME, MAX_CONFIG_BYTES, parse_config
from lorahub.adapters.metadata import model_name
from lorahub.adapters.remake.files import find_files
from lorahub.adapters.scrubbing import Removal, Scrubbed, Work, replacing, scrub, users_in

_CONFIG_WHAT = "Paths on the trainer's disk, names of people and addresses are cut."
# What names a model, or a file of the trainer's.
_NAMES = ("_name_or_path", "_path")


def scrub_folder(
    source: Path, out: Path | None, *, tags: bool = False, author: bool = False
) -> Scrubbed:
    """Copy the adapter's files in `source` to the folder `out` (None: only tell).

    `out` may be `source`. Keys of changes in a configuration begin with the file's name.
    """
    if out:
        scrub_folder(source, None)  # so that what can't be read leaves no half of a copy
    done = Scrubbed()
    for file, _ in find_files(source):
        target = out and out / file.relative_to(source)
        if target:
            target.parent.mkdir(parents=True, exist_ok=True)
        found = scrub(file, target, tags=tags, author=author)
        done.removals += found.removals
        done.kept |= found.kept
        done.data_sha256 = found.data_sha256
        config = file.with_name(CONFIG_NAME)
        if config.is_file():
            done.removals += _config(config, target and target.with_name(CONFIG_NAME))
    return done


def config_is_private(weights: Path) -> bool:
    """Whether the configuration beside a file holds what a scrub of the folder would cut."""
    config = weights.with_name(CONFIG_NAME)
    return config.is_file() and bool(_config(config, None))


def scrub_config(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a configuration without paths and people."""
    work = Work(tags=False, users=frozenset(users_in(_texts(fields))))
    return {
        name: _named(value) if _names_model(name, value) else work.walk(name, value)
        for name, value in fields.items()
    }


def _names_model(name: str, value: object) -> bool:
    return isinstance(value, str) and name.endswith(_NAMES)


def _named(value: str) -> str:
    return model_name(value) if value else value


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _config(source: Path, target: Path | None) -> list[Removal]:
    with source.open("rb") as file:
        data = file.read(MAX_CONFIG_BYTES + 1)
    parse_config(data)
    before = json.loads(data)
    after = scrub_config(before)
    changed = [name for name in before if after[name] != before[name]]
    if target:
        text = json.dumps(after, indent=2, ensure_ascii=False) + "\n"
        with replacing(target, source) as copy:
            copy.write(text.encode() if changed else data)
    return [Removal(f"{CONFIG_NAME} {name}", _CONFIG_WHAT, gone=False) for name in changed]
