"""What licences permit, one question at a time, for filters. Not legal advice."""

from collections.abc import Iterable

from lorahub_server.library import licences, rights

# What people ask for; the place of each is its bit in `LibraryEntry.permits`.
PERMISSIONS = ("commercial", "derivatives", "sell-images", "no-credit", "relicense")
_BITS = {name: 1 << place for place, name in enumerate(PERMISSIONS)}

# The right that each of them is; see library.rights.
_RIGHTS = {
    "commercial": "services",
    "derivatives": "changes",
    "sell-images": "outputs",
    "no-credit": "uncredited",
    "relicense": "relicense",
}


def of(license_id: str | None) -> frozenset[str]:
    """Return what a licence permits to everybody without asking; of an unknown one nothing."""
    answers = rights.answers(licences.licence_of(license_id))
    permitted = {name for name, right in _RIGHTS.items() if answers[right] == "yes"}
    # Who looks for terms of their own wants to sell under them.
    return frozenset(permitted if "commercial" in permitted else permitted - {"relicense"})


def bits(names: Iterable[str]) -> int:
    """Return permissions as a number; names that are none of ours count for nothing."""
    return sum(_BITS.get(name, 0) for name in set(names))


def names(number: int) -> tuple[str, ...]:
    """Return the permissions in a number."""
    return tuple(name for name, bit in _BITS.items() if number & bit)
