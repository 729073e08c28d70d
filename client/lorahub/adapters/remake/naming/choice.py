"""Which family's names an adapter has, from the families that its shapes fit."""

from collections.abc import Sequence

from lorahub.adapters.errors import AdapterFileError
from lorahub.adapters.remake.naming.schemes import Scheme, language, scheme_for


def scheme_among(candidates: Sequence[str], *, is_language: bool) -> Scheme | None:
    """The names that all candidates share; None where there is no map.

    `is_language`: what is in no other family is told as a language model.
    Raises AdapterFileError("family_unclear") where they do not share them.
    """
    known = [scheme for one in candidates if (scheme := scheme_for(one)) is not None]
    if not known:
        return language(candidates[0] if candidates else "unknown") if is_language else None
    same = {(id(one.names), tuple(prefix for prefix, *_ in one.encoders.values())) for one in known}
    if len(same) > 1 or len(known) < len(candidates):
        raise AdapterFileError(
            "family_unclear",
            f"The weights could be those of {', '.join(candidates)}.",
            hint="Say which it is: --family on the command line, family= in an address.",
        )
    return known[0]
