"""Evaluation results as cards give them: `model-index`, and the files in `.eval_results`.

No database here. What can't be understood is left out.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lorahub.adapters.metadata import clean_text
from lorahub_server.library import frontmatter
from lorahub_server.library.card import Card
from lorahub_server.library.errors import InvalidCard

FOLDER = ".eval_results/"
MAX_FILES = 50
MAX_RESULTS = 100
_MAX_TEXT, _MAX_NOTES, _MAX_URL = 200, 300, 500
_MAX_COUNT = 10**12
_Z = 1.959964  # of 95 %
_PERCENT = 100
# Shares of n equal trials, for which Wilson's interval holds.
_SHARES = frozenset(
    {
        "acc", "acc_norm", "accuracy", "em", "error_rate", "exact_match", "mc1", "pass@1",
        "top1_accuracy", "top_1_accuracy", "win_rate",
    }
)  # fmt: skip
_LOWER_IS_BETTER = frozenset(
    {
        "bits_per_byte", "cer", "error_rate", "fid", "kid", "loss", "lpips", "mae", "mse",
        "perplexity", "ppl", "rmse", "ter", "wer", "word_perplexity", "byte_perplexity",
    }
)  # fmt: skip
_COUNTS = ("n", "n_samples", "num_samples", "samples", "num_examples")
_ERRORS = ("stderr", "standard_error", "value_stderr")


@dataclass(frozen=True, slots=True)
class Result:
    """One number. `low` and `high` bound it with 95 %; `method` is "wilson" or "normal"."""

    dataset: str
    dataset_name: str
    config: str
    split: str
    task: str
    metric: str
    metric_name: str
    value: float
    low: float | None = None
    high: float | None = None
    method: str = ""
    n: int | None = None
    source_name: str = ""
    source_url: str = ""
    notes: str = ""

    @property
    def key(self) -> str:
        """Return what results that may be compared have in common."""
        parts = (self.dataset, self.config, self.split, self.metric, self.notes)
        folded = "\n".join(part.strip().casefold() for part in parts)
        return hashlib.sha256(folded.encode()).hexdigest()[:32]

    @property
    def is_share(self) -> bool:
        """Tell whether it is so many of so many, as a fraction or in percent."""
        return self.metric in _SHARES

    @property
    def is_lower_better(self) -> bool:
        return self.metric in _LOWER_IS_BETTER


@dataclass(frozen=True, slots=True)
class Other:
    """A result of another repository, beside which one's own is seen."""

    key: str
    value: float
    low: float | None
    high: float | None
    owner: str
    name: str
    title: str


def is_file(path: str) -> bool:
    """Tell whether a file of a repository holds results."""
    name = path.removeprefix(FOLDER)
    return path.startswith(FOLDER) and "/" not in name and name.endswith((".yaml", ".yml"))


def read(card: Card, files: Iterable[bytes]) -> list[Result]:
    """Return the results of a card and of the files, as they are written, each once."""
    found = [*_of_index(card.front.get("model-index"))]
    for data in files:
        found += _of_file(data)
        if len(found) > MAX_RESULTS:
            break
    return list(dict.fromkeys(found))[:MAX_RESULTS]


def wilson(share: float, n: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share of `n` trials."""
    z2 = _Z * _Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    reach = _Z * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def _of_index(index: Any) -> Iterable[Result]:
    for model in _dicts(index):
        for result in _dicts(model.get("results")):
            task, dataset = _dict(result.get("task")), _dict(result.get("dataset"))
            source, metrics = _dict(result.get("source")), _dicts(result.get("metrics"))
            errors = {
                _folded(_text(one.get("type")).partition(",")[0]): _number(one.get("value"))
                for one in metrics
            }
            for metric in metrics:
                kind = _folded(_text(metric.get("type") or metric.get("name")).partition(",")[0])
                value = _number(metric.get("value"))
                if not kind or kind.endswith("_stderr") or value is None:
                    continue
                args, of_data = _dict(metric.get("args")), _dict(dataset.get("args"))
                stderr = _first((metric, args), _ERRORS) or errors.get(f"{kind}_stderr")
                n = _count(_first((metric, args, dataset, of_data), _COUNTS))
                name = _text(dataset.get("type") or dataset.get("name"))
                yield Result(
                    dataset=name,
                    dataset_name=_text(dataset.get("name")) or name,
                    config=_text(dataset.get("config")),
                    split=_text(dataset.get("split")),
                    task=_text(task.get("name") or task.get("type")),
                    metric=kind,
                    metric_name=_text(metric.get("name")) or _said(kind),
                    value=value,
                    n=n,
                    **_bounds(kind, value, stderr, n),
                    source_name=_text(source.get("name")),
                    source_url=_link(source.get("url")),
                )


def _of_file(data: bytes) -> Iterable[Result]:
    try:
        entries = frontmatter.load_any(data.decode("utf-8", "replace"))
    except InvalidCard:
        return
    for entry in _dicts(entries):
        dataset, source = _dict(entry.get("dataset")), _dict(entry.get("source"))
        name, value = _text(dataset.get("id")), _number(entry.get("value"))
        if not name or value is None:
            continue
        kind = _folded(_text(entry.get("metric"))) or "score"
        n = _count(_first((entry,), _COUNTS))
        by = source.get("name") or source.get("org") or source.get("user")
        yield Result(
            dataset=name,
            dataset_name=name,
            config=_text(dataset.get("task_id")),
            split=_text(dataset.get("split")),
            task="",
            metric=kind,
            metric_name=_said(kind),
            value=value,
            n=n,
            **_bounds(kind, value, _first((entry,), _ERRORS), n),
            source_name=_text(by),
            source_url=_link(source.get("url")),
            notes=clean_text(_text(entry.get("notes")), _MAX_NOTES),
        )


def _bounds(kind: str, value: float, stderr: float | None, n: int | None) -> dict[str, Any]:
    """Return how sure a value is; nothing where nothing tells."""
    scale = _PERCENT if value > 1 else 1
    if n and kind in _SHARES and 0 <= value <= _PERCENT:
        low, high = wilson(value / scale, n)
        return {"low": low * scale, "high": high * scale, "method": "wilson"}
    if stderr is None or stderr < 0 or not math.isfinite(value + _Z * stderr):
        return {}
    return {"low": value - _Z * stderr, "high": value + _Z * stderr, "method": "normal"}


def _first(places: Iterable[Mapping[str, Any]], names: Iterable[str]) -> float | None:
    numbers = (_number(place.get(name)) for place in places for name in names)
    return next((number for number in numbers if number is not None), None)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _count(value: float | None) -> int | None:
    return int(value) if value is not None and 1 <= value <= _MAX_COUNT else None


def _folded(text: str) -> str:
    return text.casefold().replace(" ", "_").replace("-", "_")


def _said(kind: str) -> str:
    return kind.replace("_", " ").capitalize()


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool | list | dict):
        return ""
    return clean_text(str(value), _MAX_TEXT)


def _link(value: Any) -> str:
    address = str(value) if isinstance(value, str) else ""
    is_plain = address.startswith(("https://", "http://")) and address.isprintable()
    return address if is_plain and " " not in address and len(address) <= _MAX_URL else ""


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
