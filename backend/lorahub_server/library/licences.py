"""Licences in plain words: what somebody who uses an adapter may do. Not legal advice."""

from dataclasses import dataclass

_FREE = "Use, change and sell freely; keep the notice."
_NONE = "No conditions at all."
_BY = "Use, change and sell; name the author."
_BY_SA = "Use, change and sell; name the author and share changes alike."
_BY_NC = "Use and change, but not for money; name the author."
_BY_NC_SA = "Use and change, but not for money; name the author and share changes alike."
_BY_ND = "Share unchanged, also for money; name the author."
_BY_NC_ND = "Share unchanged and not for money; name the author."
_RAIL = "Use, change and sell, but for none of the harmful uses that it lists."
_COPYLEFT = "Use, change and sell; what is built on it is shared under the same terms."
_WEAK = "Use, change and sell; changes to its own files are shared under the same terms."
_LLAMA = "Use, change and sell under Meta's terms; very large companies need to ask."
_RESEARCH = "For research only, not for money."
_STABILITY = (
    "Use, change and sell under Stability AI's terms; companies with a large revenue need to ask."
)


@dataclass(frozen=True, slots=True)
class Licence:
    id: str
    name: str
    meaning: str
    # May what is made with it be sold? None: it depends, read it.
    commercial: bool | None


# Ids as Hugging Face cards have them; the commonest first.
_ALL = tuple(
    Licence(*row)
    for row in (
        ("apache-2.0", "Apache 2.0", _FREE, True),
        ("mit", "MIT", _FREE, True),
        ("cc0-1.0", "CC0 1.0", _NONE, True),
        ("cc-by-4.0", "CC BY 4.0", _BY, True),
        ("cc-by-sa-4.0", "CC BY-SA 4.0", _BY_SA, True),
        ("cc-by-nc-4.0", "CC BY-NC 4.0", _BY_NC, False),
        ("cc-by-nc-sa-4.0", "CC BY-NC-SA 4.0", _BY_NC_SA, False),
        ("cc-by-nd-4.0", "CC BY-ND 4.0", _BY_ND, None),
        ("cc-by-nc-nd-4.0", "CC BY-NC-ND 4.0", _BY_NC_ND, False),
        ("openrail++", "OpenRAIL++-M", _RAIL, True),
        ("creativeml-openrail-m", "CreativeML OpenRAIL-M", _RAIL, True),
        ("openrail", "OpenRAIL", _RAIL, True),
        ("bigscience-openrail-m", "BigScience OpenRAIL-M", _RAIL, True),
        ("bigcode-openrail-m", "BigCode OpenRAIL-M", _RAIL, True),
        ("bigscience-bloom-rail-1.0", "BigScience BLOOM RAIL 1.0", _RAIL, True),
        (
            "flux-1-dev-non-commercial-license",
            "FLUX.1 [dev] Non-Commercial",
            "Use and change, but not for money; outputs have terms of their own.",
            False,
        ),
        ("stabilityai-ai-community", "Stability AI Community", _STABILITY, None),
        ("sdxl-license", "SDXL (OpenRAIL++)", _RAIL, True),
        ("faipl-1.0-sd", "Fair AI Public License 1.0-SD", _COPYLEFT, True),
        ("deepfloyd-if-license", "DeepFloyd IF", _RESEARCH, False),
        ("llama2", "Llama 2 Community", _LLAMA, None),
        ("llama3", "Llama 3 Community", _LLAMA, None),
        ("llama3.1", "Llama 3.1 Community", _LLAMA, None),
        ("llama3.2", "Llama 3.2 Community", _LLAMA, None),
        ("llama3.3", "Llama 3.3 Community", _LLAMA, None),
        ("llama4", "Llama 4 Community", _LLAMA, None),
        ("gemma", "Gemma Terms", "Use, change and sell under Google's terms of use.", None),
        (
            "qwen-research",
            "Qwen Research",
            "For research and evaluation, not for money.",
            False,
        ),
        ("tongyi-qianwen", "Tongyi Qianwen", "Use and change; large services need to ask.", None),
        ("gpl-3.0", "GPL 3.0", _COPYLEFT, True),
        ("gpl-2.0", "GPL 2.0", _COPYLEFT, True),
        ("gpl", "GPL", _COPYLEFT, True),
        (
            "agpl-3.0",
            "AGPL 3.0",
            "Use, change and sell; share the source, also with those who use it over a network.",
            True,
        ),
        ("lgpl-3.0", "LGPL 3.0", _WEAK, True),
        ("lgpl-2.1", "LGPL 2.1", _WEAK, True),
        ("lgpl", "LGPL", _WEAK, True),
        ("mpl-2.0", "MPL 2.0", _WEAK, True),
        ("epl-2.0", "EPL 2.0", _WEAK, True),
        ("epl-1.0", "EPL 1.0", _WEAK, True),
        ("eupl-1.2", "EUPL 1.2", _COPYLEFT, True),
        ("eupl-1.1", "EUPL 1.1", _COPYLEFT, True),
        ("osl-3.0", "OSL 3.0", _COPYLEFT, True),
        ("bsd", "BSD", _FREE, True),
        ("bsd-2-clause", "BSD 2-Clause", _FREE, True),
        ("bsd-3-clause", "BSD 3-Clause", _FREE, True),
        ("bsd-3-clause-clear", "BSD 3-Clause Clear", _FREE, True),
        ("isc", "ISC", _FREE, True),
        ("zlib", "zlib", _FREE, True),
        ("bsl-1.0", "Boost 1.0", _FREE, True),
        ("ncsa", "NCSA", _FREE, True),
        ("postgresql", "PostgreSQL", _FREE, True),
        ("ecl-2.0", "ECL 2.0", _FREE, True),
        ("afl-3.0", "AFL 3.0", _FREE, True),
        ("artistic-2.0", "Artistic 2.0", _FREE, True),
        ("ms-pl", "Microsoft Public", _FREE, True),
        ("apple-ascl", "Apple Sample Code", _FREE, True),
        ("apple-amlr", "Apple ML Research", _RESEARCH, False),
        ("unlicense", "Unlicense", _NONE, True),
        ("wtfpl", "WTFPL", _NONE, True),
        ("pddl", "PDDL", _NONE, True),
        ("ofl-1.1", "SIL OFL 1.1", _COPYLEFT, True),
        ("lppl-1.3c", "LPPL 1.3c", _FREE, True),
        ("gfdl", "GFDL", _COPYLEFT, True),
        ("cc", "Creative Commons", "Creative Commons, which one is not said; ask.", None),
        ("cc-by-2.0", "CC BY 2.0", _BY, True),
        ("cc-by-2.5", "CC BY 2.5", _BY, True),
        ("cc-by-3.0", "CC BY 3.0", _BY, True),
        ("cc-by-sa-3.0", "CC BY-SA 3.0", _BY_SA, True),
        ("cc-by-nc-2.0", "CC BY-NC 2.0", _BY_NC, False),
        ("cc-by-nc-3.0", "CC BY-NC 3.0", _BY_NC, False),
        ("cc-by-nc-sa-2.0", "CC BY-NC-SA 2.0", _BY_NC_SA, False),
        ("cc-by-nc-sa-3.0", "CC BY-NC-SA 3.0", _BY_NC_SA, False),
        ("cc-by-nc-nd-3.0", "CC BY-NC-ND 3.0", _BY_NC_ND, False),
        ("odc-by", "ODC-By", _BY, True),
        ("odbl", "ODbL", _BY_SA, True),
        ("cdla-permissive-2.0", "CDLA Permissive 2.0", _FREE, True),
        ("cdla-permissive-1.0", "CDLA Permissive 1.0", _FREE, True),
        ("cdla-sharing-1.0", "CDLA Sharing 1.0", _COPYLEFT, True),
        ("c-uda", "C-UDA", "For computing with the data only; keep the notice.", True),
        ("etalab-2.0", "Etalab 2.0", _BY, True),
        ("openmdw-1.0", "OpenMDW 1.0", _FREE, True),
        ("h-research", "H Research", _RESEARCH, False),
        ("intel-research", "Intel Research", _RESEARCH, False),
        (
            "fair-noncommercial-research-license",
            "FAIR Noncommercial Research",
            _RESEARCH,
            False,
        ),
        ("lgpl-lr", "LGPL-LR", _WEAK, True),
        ("grok2-community", "Grok 2 Community", "Use and change under xAI's terms.", None),
        ("unknown", "Unknown", "Nothing is said; ask the author before you use it.", None),
        (
            "other",
            "Other",
            "The terms are the author's own; read the card and its files.",
            None,
        ),
    )
)
_BY_ID = {licence.id: licence for licence in _ALL}
# What people write for it in `license_name`, next to the id itself.
_OTHER_NAMES = {
    "flux-1-dev-non-commercial": "flux-1-dev-non-commercial-license",
    "flux.1 [dev] non-commercial license": "flux-1-dev-non-commercial-license",
    "flux-dev-non-commercial": "flux-1-dev-non-commercial-license",
    "flux1-dev-non-commercial": "flux-1-dev-non-commercial-license",
    "stabilityai-community": "stabilityai-ai-community",
    "stability-ai-community": "stabilityai-ai-community",
    "fair-ai-public-license-1.0-sd": "faipl-1.0-sd",
    "openrail-m": "openrail",
}


def choices() -> tuple[Licence, ...]:
    """Return all that is known, the commonest first: what forms offer."""
    return _ALL


def licence_of(name: str | None) -> Licence | None:
    """Return what is known of a licence; an unknown one has its own name and no meaning."""
    if not name:
        return None
    found = _BY_ID.get(canonical(name))
    if found is not None:
        return found
    return Licence(name, name, "The hub doesn't know this licence; read its text.", None)


def is_known(license_id: str) -> bool:
    return license_id in _BY_ID


def canonical(name: str) -> str:
    key = name.strip().casefold()
    return _OTHER_NAMES.get(key, key)


def effective(license_id: str | None, license_name: str | None) -> str | None:
    """Return the id that counts: of `other` with a known name, the id of that one."""
    if license_id in (None, "other") and license_name:
        named = canonical(license_name)
        if named in _BY_ID:
            return named
    return canonical(license_id) if license_id else None
