"""What one licence says to each thing that people want to do. Not legal advice."""

from typing import Literal

from lorahub_server.library.licences import Licence, is_known

Answer = Literal["yes", "no", "ask"]

# Every right with what it lets people do, as it stands in a sentence after "you may".
RIGHTS = {
    "outputs": "sell what it makes",
    "services": "offer it as a paid service",
    "changes": "share merges and changes",
    "relicense": "give changes other terms",
    "uncredited": "leave out the author's name",
}
_MONEY: dict[bool | None, Answer] = {True: "yes", False: "no", None: "ask"}

_NO_CONDITIONS = frozenset({"cc0-1.0", "unlicense", "wtfpl", "pddl"})
_NO_CHANGES = ("cc-by-nd-", "cc-by-nc-nd-")
# Terms, or lists of uses that are ruled out, that go along with whatever is built on it.
_PASSED_ON = (
    "cc-by-sa-", "cc-by-nc-sa-", "faipl-", "gpl", "agpl-", "lgpl", "eupl-", "osl-", "gfdl", "odbl",
    "cdla-sharing-", "ofl-", "openrail", "creativeml-openrail", "bigscience-", "bigcode-",
    "sdxl-license", "llama", "gemma", "stabilityai-", "flux-1-dev-", "deepfloyd-", "qwen-research",
)  # fmt: skip
# Not for money itself, while what it makes belongs to whoever makes it.
_FREE_OUTPUTS = frozenset({"flux-1-dev-non-commercial-license"})
UNCLEAR = frozenset({"unknown", "other", "cc"})


def answers(licence: Licence | None) -> dict[str, Answer]:
    """Return the answer for each of RIGHTS; "ask" where the licence is not known or says little."""
    if licence is None or licence.id in UNCLEAR or not is_known(licence.id):
        return dict.fromkeys(RIGHTS, "ask")
    if licence.id in _NO_CONDITIONS:
        return dict.fromkeys(RIGHTS, "yes")
    money = _MONEY[licence.commercial]
    changes: Answer = "no" if licence.id.startswith(_NO_CHANGES) else "yes"
    is_passed_on = licence.id.startswith(_PASSED_ON)
    return {
        "outputs": "yes" if licence.id in _FREE_OUTPUTS else money,
        "services": money,
        "changes": changes,
        "relicense": "no" if is_passed_on or changes == "no" else "yes",
        "uncredited": "no",
    }
