"""What the page of a gated repository says to those who need acceptance."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lorahub_server.access import Tx, passes_gate
from lorahub_server.access.tables import AccessRequest
from lorahub_server.community.gates import service
from lorahub_server.community.gates.form import Field, Form
from lorahub_server.doors import links
from lorahub_server.kit import markdown
from lorahub_server.repos.tables import Repository


@dataclass(frozen=True, slots=True)
class Asked:
    """A field of the form, with what was filled in and what is wrong with it."""

    name: str
    field: Field
    value: str = ""
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class Gate:
    """`request` None: the caller has not asked yet."""

    form: Form
    request: AccessRequest | None
    prompt: markdown.SafeHtml | None
    fields: list[Asked] = field(default_factory=list)
    wrong: str = ""


def gate_of(
    tx: Tx,
    repo: Repository,
    *,
    sent: Mapping[str, str] | None = None,
    faults: Mapping[str, str] | None = None,
    wrong: str = "",
) -> Gate | None:
    """Return what to show; None where nothing need be asked. `faults` are by label."""
    if passes_gate(tx.caller, repo):
        return None
    form = service.form_of(tx, repo)
    given, bad = sent or {}, faults or {}
    fields = [
        Asked(name_of(at), one, given.get(name_of(at), ""), bad.get(one.label, ""))
        for at, one in enumerate(form.fields)
    ]
    return Gate(form, service.own_request(tx, repo), _prompt(repo, form), fields, wrong)


def name_of(at: int) -> str:
    """Return what a field is called in the form: its label could be anything."""
    return f"field-{at}"


def _prompt(repo: Repository, form: Form) -> markdown.SafeHtml | None:
    if not form.prompt.strip():
        return None
    names = (repo.owner.name, repo.name)
    branch = links.piece(repo.default_branch)
    return markdown.render(
        form.prompt,
        link_base=f"{links.repo(*names, 'blob')}/{branch}/",
        raw_base=None,  # pictures are files, and these wait for an answer
    )
