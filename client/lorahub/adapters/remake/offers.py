"""What can be made of an adapter, from the facts that a summary tells: for menus that should not
offer what always fails. Needs the standard library alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lorahub.adapters.errors import AdapterFileError
from lorahub.adapters.remake.naming.choice import scheme_among
from lorahub.adapters.remake.naming.schemes import Scheme, scheme_for
from lorahub.adapters.remake.words import LAYOUTS

_PLAIN = frozenset({"lora", "locon", "dora"})
_RESIZED = frozenset({*_PLAIN, "adalora", "loha", "lokr", "full"})
# Tensors that other layouts have no place for.
_EXTRA = frozenset({"whole_tensors", "textual_inversion", "modules_to_save"})
_BROKEN = frozenset({"missing_pair", "doubled_factor"})
_SURE = ("high", "medium")


@dataclass(frozen=True, slots=True)
class Offers:
    """`families`: one of them has to be named for another layout, as the weights fit them all.
    The dtype can be changed in any case.
    """

    layouts: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    ranks: bool = False


def offers(facts: Mapping[str, Any], *, sound: bool = True) -> Offers:
    """What can be made of a file with this summary (Summary.to_dict). `sound`: all numbers are
    finite. Only what the tensors' numbers or rare names decide is not foreseen.
    """
    scaled = facts.get("layout") != "peft" or facts.get("alpha") is not None
    codes = {one.get("code") for one in facts.get("warnings") or () if isinstance(one, Mapping)}
    if not sound or not scaled or codes & _BROKEN:
        return Offers()
    ranks = facts.get("method") in _RESIZED and (facts.get("rank") or 0) > 1
    if "unknown_tensor" in codes or _EXTRA & set(facts.get("traits") or ()):
        return Offers(ranks=ranks)
    if facts.get("method") not in _PLAIN:
        return Offers(ranks=ranks)
    schemes, families = _schemes(facts)
    layouts = [name for name in LAYOUTS if any(_has(scheme, name, facts) for scheme in schemes)]
    return Offers(tuple(layouts), families if layouts else (), ranks)


def _schemes(facts: Mapping[str, Any]) -> tuple[Sequence[Scheme], tuple[str, ...]]:
    sure = facts.get("family_confidence") in _SURE
    found = [facts.get("family")] if sure else facts.get("family_candidates")
    candidates = [name for name in found or () if isinstance(name, str)]
    try:
        scheme = scheme_among(candidates, is_language=facts.get("layout") == "peft")
    except AdapterFileError:
        known = {name: scheme for name in candidates if (scheme := scheme_for(name)) is not None}
        return list(known.values()), tuple(known)
    return ([scheme] if scheme is not None else []), ()


def _has(scheme: Scheme, layout: str, facts: Mapping[str, Any]) -> bool:
    if layout == facts.get("layout"):
        return False
    if scheme.names is None:
        return layout == "peft"
    if layout == "kohya":
        # The two experts of Wan 2.2 are two files there.
        return scheme.kohya and "transformer_2" not in (facts.get("components") or ())
    return layout != "comfyui" or scheme.comfyui
