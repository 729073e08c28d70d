"""What may be done with an adapter: its licence and its base model's together. Not legal advice.

An adapter is used with its base, so the stricter of the two counts for each right.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lorahub_server.library import base_licences, licences
from lorahub_server.library.licences import Licence
from lorahub_server.library.rights import RIGHTS, Answer, answers

# A licence that grants more of these than the base's does promises what it can't keep. Names and
# terms are obligations, which simply add up.
_CLAIMED = ("outputs", "services", "changes")
_STRICT: dict[Answer, int] = {"no": 0, "ask": 1, "yes": 2}
_SEVERAL = 2


@dataclass(frozen=True, slots=True)
class Right:
    """`limits`: whose licence decides, "base", "adapter" or "both"; "" where all is allowed."""

    id: str
    text: str
    answer: Answer
    limits: str = ""


@dataclass(frozen=True, slots=True)
class Effective:
    """`base_model` None: nothing is known of it. `is_presumed`: its licence is that of the family's
    first model, since the card names none.
    """

    licence: Licence | None
    base_model: str | None
    base_licence: Licence | None
    is_presumed: bool
    rights: tuple[Right, ...]
    sentence: str
    conflict: str = ""


def combine(
    license_id: str | None,
    base_model: str | None,
    family: str | None,
    base_license_id: str | None = None,
) -> Effective:
    """Return what the licences of an adapter and of its base permit together.

    `base_license_id`: what the base's own card says, if it is on this hub.
    """
    own = licences.licence_of(license_id)
    known = base_license_id or base_licences.of_model(base_model)
    is_presumed = known is None and base_model is None
    if is_presumed:
        known = base_licences.of_family(family)
    base = licences.licence_of(known)
    rights = tuple(
        _right(name, text, answers(own)[name], answers(base)[name]) for name, text in RIGHTS.items()
    )
    return Effective(
        licence=own,
        base_model=base_model,
        base_licence=base,
        is_presumed=is_presumed and base is not None,
        rights=rights,
        sentence=_sentence(own, base, rights, base_model),
        conflict=_conflict(own, base, base_model),
    )


def _right(name: str, text: str, own: Answer, base: Answer) -> Right:
    answer = min(own, base, key=_STRICT.__getitem__)
    if answer == "yes":
        return Right(name, text, answer)
    limits = "both" if own == base else "adapter" if own == answer else "base"
    return Right(name, text, answer, limits)


def _sentence(
    own: Licence | None, base: Licence | None, rights: Sequence[Right], base_model: str | None
) -> str:
    if own is None and base is None:
        return "Neither the card nor the base says what is allowed; ask the author."
    found = _granted(rights)
    if found:
        return found
    if base is None:
        alone = answers(own)
        found = _granted([Right(one.id, one.text, alone[one.id]) for one in rights])
        if found:
            whose = f"The licence of its base {base_model} is not known here"
            unknown = whose if base_model else "What it is used with is not said"
            return f"By its own licence y{found[1:]} {unknown}; read that licence as well."
    who = "the card names no licence" if own is None else f"{own.name} leaves it open"
    return f"Ask the author before you use it for more than trying: {who}."


def _granted(rights: Sequence[Right]) -> str:
    """Return the answers as sentences; "" where nothing is certain."""
    by_answer: dict[Answer, list[str]] = {"yes": [], "no": [], "ask": []}
    credit = ""
    for right in rights:
        if right.id == "uncredited":
            credit = "; name the author" if right.answer == "no" else ""
        else:
            by_answer[right.answer].append(right.text)
    if not by_answer["yes"] and not by_answer["no"]:
        return ""
    allowed = _joined(by_answer["yes"], "and") or "use it"
    but = f", but not {_joined(by_answer['no'], 'or')}" if by_answer["no"] else ""
    asked = _joined(by_answer["ask"], "or")
    more = f" Read the terms, or ask, before you {asked}." if asked else ""
    return f"You may {allowed}{but}{credit}.{more}"


def _conflict(own: Licence | None, base: Licence | None, base_model: str | None) -> str:
    if own is None or base is None:
        return ""
    given, allowed = answers(own), answers(base)
    claimed = [RIGHTS[one] for one in _CLAIMED if (given[one], allowed[one]) == ("yes", "no")]
    if not claimed:
        return ""
    whose = f"its base {base_model}" if base_model else "its base"
    return (
        f"{own.name} lets people {_joined(claimed, 'and')}, which {base.name}, the licence of "
        f"{whose}, does not. The stricter one counts."
    )


def _joined(parts: Sequence[str], word: str) -> str:
    if len(parts) < _SEVERAL:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {word} {parts[-1]}"
