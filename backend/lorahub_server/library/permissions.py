"""What licences permit, one question at a time, for filters. Not legal advice."""

from collections.abc import Iterable

from lorahub_server.library import licences

# What people ask for; the place of each is its bit in `LibraryEntry.permits`.
PERMISSIONS = ("commercial", "derivatives", "sell-images", "no-credit", "relicense")
_BITS = {name: 1 << place for place, name in enumerate(PERMISSIONS)}

_NO_CONDITIONS = frozenset({"cc0-1.0", "unlicense", "wtfpl", "pddl"})
_NO_DERIVATIVES = ("cc-by-nd-", "cc-by-nc-nd-")
# Terms that what is built on it keeps.
_SHARED_ALIKE = ("cc-by-sa-", "cc-by-nc-sa-", "faipl-", "gpl", "agpl-", "eupl-", "osl-", "gfdl")
_OPEN_RAIL = ("openrail", "creativeml-openrail", "bigscience-", "bigcode-", "sdxl-license")
# Not for money, but the pictures that it makes are their maker's.
_FREE_OUTPUTS = frozenset({"flux-1-dev-non-commercial-license"})
_SILENT = frozenset({"unknown", "other", "cc"})


def of(license_id: str | None) -> frozenset[str]:
    """Return what a licence permits to everybody without asking; of an unknown one nothing."""
    found = licences.licence_of(license_id)
    if found is None or found.id in _SILENT or not licences.is_known(found.id):
        return frozenset()
    if found.id in _NO_CONDITIONS:
        return frozenset(PERMISSIONS)
    permitted = set()
    if found.commercial:
        permitted |= {"commercial", "sell-images"}
    if found.id in _FREE_OUTPUTS:
        permitted.add("sell-images")
    if not found.id.startswith(_NO_DERIVATIVES):
        permitted.add("derivatives")
    if "derivatives" in permitted and not found.id.startswith((*_SHARED_ALIKE, *_OPEN_RAIL)):
        permitted |= {"relicense"} if found.commercial else set()
    return frozenset(permitted)


def bits(names: Iterable[str]) -> int:
    """Return permissions as a number; names that are none of ours count for nothing."""
    return sum(_BITS.get(name, 0) for name in set(names))


def names(number: int) -> tuple[str, ...]:
    """Return the permissions in a number."""
    return tuple(name for name, bit in _BITS.items() if number & bit)
