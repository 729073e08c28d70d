"""The administrator's own program that says how mature a picture is."""

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from PIL.Image import Image

_log = structlog.get_logger(__name__)
_MATURITIES = frozenset({"none", "soft", "mature", "explicit"})
Classifier = Callable[["Image"], dict[str, Any] | None]


def load_classifier(name: str | None) -> Classifier | None:
    """The function that LORAHUB_CLASSIFIER names as "module:function"; None without one.

    It is given a PIL picture and returns {"label", "score", "maturity"}; whatever else it returns
    or raises counts as no answer, as a picture is better unrated than lost.
    """
    if not name:
        return None
    module, _, function = name.partition(":")
    if not (module and function):
        raise ValueError(f"LORAHUB_CLASSIFIER is {name!r}; write it as module:function.")
    asked = getattr(importlib.import_module(module), function)

    def classify(picture: "Image") -> dict[str, Any] | None:
        try:
            return _answer(asked(picture.copy()))
        except Exception as error:
            _log.warning("classifier_failed", error=type(error).__name__)
            return None

    return classify


def _answer(said: object) -> dict[str, Any] | None:
    if not isinstance(said, Mapping):
        return None
    maturity, score = said.get("maturity"), said.get("score")
    if maturity not in _MATURITIES:
        return None
    number = float(score) if isinstance(score, int | float) else None
    return {"label": str(said.get("label", ""))[:80], "score": number, "maturity": maturity}
