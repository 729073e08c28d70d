"""Words that call an adapter's subject into a picture, mined from what trainers wrote down."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lorahub.adapters import limits
from lorahub.adapters.metadata import MAX_WORD, NO_WORDS, bounded_json, clean_text

_FOLDER = re.compile(r"^\s*\d+_(.+)$")
_WEIGHTED = re.compile(r"^\((.*):[\d.]+\)$")
_FREQUENT = 0.9
_DECLARED = (
    "modelspec.trigger_phrase", "ss_trigger_words", "trigger_phrase", "instance_prompt",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trigger:
    """A suggested word. `source`: "declared", "class" (the trainer's class tokens), "folder" (its
    training folder's name) or "tags" (nearly every caption has it). `count` captions of `images`
    have the word; None where nothing was counted.
    """

    word: str
    source: str
    count: int | None = None
    images: int | None = None


def trigger_words(metadata: Mapping[str, str]) -> list[str]:
    """The suggested words alone, best first."""
    return [trigger.word for trigger in triggers(metadata)]


def triggers(metadata: Mapping[str, str]) -> list[Trigger]:
    """Suggested trigger words, best first: what the author declared, what the training folders
    were called, then the tags that almost every picture of a folder carries.
    """
    tags = _Tags(metadata)
    found: dict[str, Trigger] = {}
    for raw, source in _candidates(metadata, tags):
        word = _clean(raw)
        if word.lower() in NO_WORDS or word.isdigit():
            continue
        count, images = tags.count(word)
        found.setdefault(word.lower(), Trigger(word, source, count, images))
        if len(found) >= limits.MAX_TRIGGER_WORDS:
            break
    return list(found.values())


def _candidates(metadata: Mapping[str, str], tags: "_Tags") -> Iterator[tuple[str, str]]:
    for key in _DECLARED:
        for word in _split(metadata.get(key, "")):
            yield word, "declared"
    for word in _class_tokens(tags.datasets):
        yield word, "class"
    for source in (tags.folders, tags.counts):
        for name in source:
            match = _FOLDER.match(str(name)[:MAX_WORD])
            if match:
                yield match[1], "folder"
    for word in tags.frequent():
        yield word, "tags"


def _clean(raw: str) -> str:
    word = clean_text(raw.replace("\\(", "(").replace("\\)", ")"), MAX_WORD).strip(" ,")
    weighted = _WEIGHTED.match(word)
    return weighted[1].strip() if weighted else word


def _split(text: str) -> list[str]:
    return text[: limits.MAX_TEXT * 10].split(",")


class _Tags:
    """The counts of caption words, for each training folder."""

    def __init__(self, metadata: Mapping[str, str]) -> None:
        self.datasets = bounded_json(metadata.get("ss_datasets", ""))
        folders = bounded_json(metadata.get("ss_dataset_dirs", ""))
        counts = bounded_json(metadata.get("ss_tag_frequency", ""))
        self.folders: dict[str, Any] = folders if isinstance(folders, dict) else {}
        self.counts: dict[str, dict[str, int]] = _usable(counts) or _of_datasets(self.datasets)
        self._lower: dict[str, int] | None = None

    def frequent(self) -> list[str]:
        """Tags of at least nine in ten pictures of a folder, the most frequent first."""
        found: list[tuple[int, str]] = []
        for folder, tags in self.counts.items():
            images = self._images(folder) or max(tags.values(), default=0)
            found += [(count, tag) for tag, count in tags.items() if count >= images * _FREQUENT]
        found.sort(key=lambda pair: -pair[0])
        return [tag for _, tag in found]

    def count(self, word: str) -> tuple[int | None, int | None]:
        """How many captions have the word, and how many there are."""
        if not self.counts:
            return None, None
        if self._lower is None:
            self._lower = {}
            for tags in self.counts.values():
                for tag, count in tags.items():
                    key = _clean(tag).lower()
                    self._lower[key] = self._lower.get(key, 0) + count
        found = self._lower.get(word.lower())
        known = [self._images(folder) for folder in self.counts]
        total = sum(images for images in known if images)
        return found, (total if all(known) and found is not None else None)

    def _images(self, folder: str) -> int | None:
        entry = self.folders.get(folder)
        count = entry.get("img_count") if isinstance(entry, dict) else None
        return count if type(count) is int and count > 0 else None


def _usable(counts: Any) -> dict[str, dict[str, int]]:
    if not isinstance(counts, dict):
        return {}
    return {
        folder: {tag: n for tag, n in tags.items() if type(n) is int and n > 0}
        for folder, tags in counts.items()
        if isinstance(tags, dict)
    }


def _of_datasets(datasets: Any) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for dataset in datasets if isinstance(datasets, list) else []:
        if isinstance(dataset, dict):
            found |= _usable(dataset.get("tag_frequency"))
    return found


def _class_tokens(datasets: Any) -> list[str]:
    found = []
    for dataset in datasets if isinstance(datasets, list) else []:
        subsets = dataset.get("subsets") if isinstance(dataset, dict) else None
        for subset in subsets if isinstance(subsets, list) else []:
            tokens = subset.get("class_tokens") if isinstance(subset, dict) else None
            if isinstance(tokens, str):
                found += _split(tokens)
    return found
